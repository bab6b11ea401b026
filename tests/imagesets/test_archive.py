from __future__ import annotations

import io
import shutil
import tarfile
import threading
import zipfile
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gencompare import alone
from gencompare.config.typed import SettingError
from gencompare.imagesets import archive as archive_module
from gencompare.imagesets.archive import is_archive, unpacked

from ..conftest import until


def tar(path: Path, *members: tuple[str, bytes | None], link: str | None = None) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if content is None:
                info.type, info.linkname = tarfile.SYMTYPE, link or ""
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return path


def test_tar_and_zip_are_unpacked_once(tmp_path):
    into = tmp_path / "into"
    one = tar(tmp_path / "birds.tgz", ("birds/images.txt", b"1 a.jpg"))
    two = tmp_path / "birds.zip"
    with zipfile.ZipFile(two, "w") as archive:
        archive.writestr("birds/images.txt", "1 a.jpg")
    folders = [unpacked(path, into, "image_set.folder") for path in (one, two)]
    assert [(folder / "birds/images.txt").read_text() for folder in folders] == ["1 a.jpg"] * 2
    assert folders[0] != folders[1]
    (folders[0] / "birds/mark").touch()
    assert unpacked(one, into, "image_set.folder") == folders[0]
    assert (folders[0] / "birds/mark").exists()
    assert visible(into) == sorted(folder.name for folder in folders)


def visible(folder: Path) -> list[str]:
    """What is in a folder besides the locks of who unpacks there."""
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def test_two_first_runs_unpack_an_archive_once(tmp_path, caplog, monkeypatch):
    """The second comes while the first has begun and is not done."""
    archive = tar(tmp_path / "birds.tgz", *((f"birds/{n}.txt", b"x") for n in range(3)))
    begun, calls = threading.Event(), []
    caplog.set_level("INFO", logger="gencompare")
    monkeypatch.setattr(alone, "SECONDS_BETWEEN_LOOKS", 0.05)

    def slowly(archive, folder):
        calls.append(folder)
        begun.set()
        until(lambda: "waiting" in caplog.text)  # as the other says
        unpack(archive, folder)

    unpack = archive_module._unpack_tar
    monkeypatch.setattr(archive_module, "_unpack_tar", slowly)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(unpacked, archive, tmp_path / "into", "image_set.folder")
        begun.wait(timeout=30)
        second = pool.submit(unpacked, archive, tmp_path / "into", "image_set.folder")
        assert first.result() == second.result()
    assert len(calls) == 1 and visible(first.result() / "birds") == ["0.txt", "1.txt", "2.txt"]


@pytest.mark.parametrize("name", ["../outside.txt", "birds/../../outside.txt", "/outside.txt"])
def test_members_that_lead_outside_are_refused_or_kept_inside(tmp_path, name):
    into = tmp_path / "deep" / "into"
    bad_zip = tmp_path / "bad.zip"
    with zipfile.ZipFile(bad_zip, "w") as archive:
        archive.writestr(name, "x")
    with pytest.raises(SettingError, match="leads outside"):
        unpacked(bad_zip, into, "image_set.folder=bad.zip")
    bad_tar = tar(tmp_path / "bad.tgz", (name, b"x"))
    if ".." in name:
        with pytest.raises(SettingError, match="cannot be unpacked safely"):
            unpacked(bad_tar, into, "image_set.folder=bad.tgz")
        assert visible(into) == []
    else:
        assert (unpacked(bad_tar, into, "image_set.folder=bad.tgz") / "outside.txt").read_bytes() == b"x"
    assert not list(tmp_path.rglob("outside.txt")) or ".." not in name
    assert not Path("/outside.txt").exists()


def test_links_to_outside_are_refused(tmp_path):
    bad = tar(tmp_path / "bad.tgz", ("way", None), ("way/outside.txt", b"x"), link="../..")
    with pytest.raises(SettingError, match="cannot be unpacked safely"):
        unpacked(bad, tmp_path / "into", "image_set.folder=bad.tgz")
    assert not list(tmp_path.rglob("outside.txt"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused_even_inside(tmp_path, kind):
    bad = tmp_path / "bad.tar"
    with tarfile.open(bad, "w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"), io.BytesIO())
        info = tarfile.TarInfo("way")
        info.type, info.linkname = kind, "a.txt"
        archive.addfile(info)
    with pytest.raises(SettingError, match="way is a link or a device"):
        unpacked(bad, tmp_path / "into", "image_set.folder=bad.tar")
    assert visible(tmp_path / "into") == []


def test_a_broken_archive_leaves_nothing_behind(tmp_path):
    whole = tar(tmp_path / "birds.tgz", ("birds/a.bin", bytes(range(256)) * 4000))
    broken = tmp_path / "broken.tgz"
    broken.write_bytes(whole.read_bytes()[:-200])
    with pytest.raises(SettingError, match="image_set.folder=broken.tgz: cannot be unpacked safely"):
        unpacked(broken, tmp_path / "into", "image_set.folder=broken.tgz")
    assert visible(tmp_path / "into") == []


def test_an_archive_larger_than_the_disk_is_not_unpacked(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(100, 50, 50))
    with pytest.raises(SettingError, match="the disk has"):
        unpacked(tar(tmp_path / "a.tgz", ("a", bytes(51))), tmp_path / "into", "image_set.folder=a.tgz")


def test_other_files_are_no_archives(tmp_path):
    (tmp_path / "a.txt").write_text("no archive")
    assert not is_archive(tmp_path / "a.txt")
    assert not is_archive(tmp_path)
