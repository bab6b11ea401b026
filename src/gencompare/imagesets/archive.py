"""Unpack a user's archive once, safely: nothing outside its folder, nothing half unpacked, no bomb."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

from gencompare.alone import alone
from gencompare.config.typed import SettingError

KINDS = "a .tar, .tgz, .tar.gz, .tar.bz2, .tar.xz or .zip archive"


def is_archive(path: Path) -> bool:
    """Whether a file is an archive that can be unpacked here."""
    return path.is_file() and (tarfile.is_tarfile(path) or zipfile.is_zipfile(path))


def unpacked(archive: Path, into: Path, where: str) -> Path:
    """Unpack an archive into a folder of its own and return that folder; at once if it was done before.

    Args:
        archive: the file. It is only read.
        into: the folder in which the archive's own folder is made.
        where: the setting that named the archive, for error messages.

    Raises:
        SettingError: if the archive is broken, would write outside its folder, holds links or devices,
            or is larger than the room on the disk.
    """
    stat = archive.stat()
    which = hashlib.sha256(f"{archive.absolute()}\0{stat.st_size}\0{stat.st_mtime_ns}".encode()).hexdigest()[
        :8
    ]
    folder = into / f"{archive.name.split('.')[0]}-{which}"
    if folder.is_dir():
        return folder
    into.mkdir(parents=True, exist_ok=True)
    lock = folder.with_name(f".{folder.name}.lock")
    with alone(lock, f"{archive.name}: another run is unpacking it; waiting"):
        if not folder.is_dir():
            _unpack(archive, folder, where)
    return folder


def _unpack(archive: Path, folder: Path, where: str) -> None:
    """Make the archive's folder, whole or not at all."""
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        if tarfile.is_tarfile(archive):
            _unpack_tar(archive, partial)
        else:
            _unpack_zip(archive, partial)
        partial.rename(folder)
    except (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError, ValueError) as error:
        raise SettingError(
            f"{where}: cannot be unpacked safely ({' '.join(str(error).split())[:200]})"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _unpack_tar(archive: Path, folder: Path) -> None:
    """Write files and folders only. (`extractall(filter="data")` is missing from Debian 12's Python 3.11.2.)"""
    with tarfile.open(archive) as tar:
        _check_room(sum(member.size for member in tar), folder)
        for member in tar:
            target = folder / _inside(member.name.lstrip("/"))
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            source = tar.extractfile(member) if member.isfile() else None
            if source is None:
                raise ValueError(f"{member.name} is a link or a device")
            target.parent.mkdir(parents=True, exist_ok=True)
            with source, target.open("wb") as file:
                shutil.copyfileobj(source, file)


def _unpack_zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        _check_room(sum(member.file_size for member in packed.infolist()), folder)
        for name in packed.namelist():
            _inside(name)
        # each name was checked, and zipfile writes no links
        packed.extractall(folder)  # nosec B202


def _inside(name: str) -> PurePosixPath:
    """Return a member's path. Raises ValueError if it leads outside the folder it is unpacked in."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or (path.parts and ":" in path.parts[0]):
        raise ValueError(f"{name} leads outside the archive's folder")
    return path


def _check_room(size: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if size > free:
        raise ValueError(f"it unpacks to {size / 1e9:.1f} GB and the disk has {free / 1e9:.1f} GB left")
