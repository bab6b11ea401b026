"""Links, special files and odd names among the user's images: used or counted, and never a traceback."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gencompare.config.typed import SettingError
from gencompare.imagesets import storage
from gencompare.imagesets.files import printable, scan
from gencompare.imagesets.folder import Folder
from gencompare.imagesets.survey import survey

NAMES = [f"{number}.png" for number in range(8)]


@pytest.fixture
def folder(make_folder) -> Path:
    found = make_folder(*NAMES)
    (found / "loop.png").symlink_to("loop.png")
    (found / "nowhere.png").symlink_to("gone.png")
    (found / "round").symlink_to(found, target_is_directory=True)
    os.mkfifo(found / "pipe.png")
    return found


@pytest.fixture
def made(tmp_path: Path) -> Path:
    (tmp_path / "made").mkdir()
    return tmp_path / "made"


def test_what_is_no_file_is_counted_with_its_reason(folder, made, caplog):
    names, others = scan(folder)
    assert names == NAMES
    assert others == {
        "loop.png": "a link to no file",
        "nowhere.png": "a link to no file",
        "round": "a link to no file",
        "pipe.png": "no regular file",
    }
    card = storage.write(Folder(path=str(folder), resolution=16).prepare(), made)
    assert card["left_out"] == others
    assert "Left out loop.png: a link to no file" in caplog.text


def test_a_link_to_an_image_is_an_image(folder, tmp_path):
    (folder / "0.png").rename(tmp_path / "elsewhere.png")
    (folder / "0.png").symlink_to(tmp_path / "elsewhere.png")
    assert scan(folder)[0] == NAMES


def test_a_loop_is_no_folder(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(SettingError, match="no such folder"):
        Folder(path=str(tmp_path / "loop")).check()


def test_names_of_odd_bytes_can_be_printed_and_saved(make_folder, made):
    folder = make_folder(*(f"{kind}/{number}.png" for kind in ("a", "b") for number in range(4)))
    for number, name in enumerate([b"\xff\xfe", b"two\nlines", b"es\x1bcape", "café".encode()]):
        os.rename(folder / f"a/{number}.png", bytes(folder / "a") + b"/" + name + b".png")
    os.rename(folder / "b", bytes(folder) + b"/b\xff")
    found = survey(folder)
    assert found.classes == ["a", r"b\xff"]
    for photo in found.photos:
        assert photo.name.isprintable()
        photo.name.encode()
    card = storage.write(Folder(path=str(folder), resolution=16, heldout=0.5).prepare(), made)
    assert json.loads((made / storage.CARD).read_text())["counts"] == card["counts"]
    assert card["counts"] == {"train": 4, "heldout": 4}
    assert "café.png" in (made / "train.csv").read_text() + (made / "heldout.csv").read_text()


def test_names_as_people_give_them_stay_as_they_are():
    for name in ("a b.png", "Ünïcödé 猫.jpg", "it's (1).png"):
        assert printable(name) == name
    assert printable("two\nlines") == r"two\nlines"
