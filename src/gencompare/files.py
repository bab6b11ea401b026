"""Files that are never seen in part, and files that turn out to be broken."""

from __future__ import annotations

import errno
import json
import logging
import os
import zlib
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from zipfile import BadZipFile

from safetensors import SafetensorError

logger = logging.getLogger(__name__)

Content = TypeVar("Content")

BROKEN = (ValueError, EOFError, BadZipFile, zlib.error, SafetensorError)
"""What readers of JSON, arrays and weights raise of a file that is cut short or damaged."""


def write_whole(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    """Write a file under another name and rename it, so that it is never seen in part, nor after a loss of power.

    Raises:
        OSError: with its number (ENOSPC where the disk is full), as long as `write` writes nowhere else: what writes to
            a path by itself, as safetensors' `save_file` does, has errors of its own.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # By chance, not by thread: in another container on the same volume one may have the same number.
    part = path.with_suffix(f".{os.urandom(8).hex()}.part")
    try:
        with part.open("w+b") as file:  # given "wb", numpy writes in C, whose errors have no number
            write(file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync(path.parent)
    finally:
        part.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Have the system write a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write a mapping as JSON, whole."""
    write_whole(path, lambda file: file.write(json.dumps(values, indent=1).encode()))


def read_sound(path: Path, read: Callable[[Path], Content]) -> Content | None:
    """Read a file; where it is not there or is broken, return None. A broken one is set aside, with a line.

    Another run may take it away at any moment, or set it aside first.
    """
    if not path.exists():
        return None
    try:
        try:
            return read(path)
        except BROKEN:
            logger.warning("%s cannot be read: set aside as %s", path, set_aside(path).name)
    except FileNotFoundError:
        if path.exists():  # it misses something else
            raise
    return None


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ValueError: if the file holds none.
    """
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds no JSON object")
    return found


def no_room(error: OSError) -> str | None:
    """Say in one line that a disk is full, and what to do; None of any other error."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return None
    return (
        f"{os.strerror(error.errno)}{f' for {error.filename}' if error.filename else ''}; nothing is lost: free some "
        "(kedro prune lists what is superseded) and give the same command again, which goes on from here"
    )


def set_aside(path: Path) -> Path:
    """Rename a broken file or folder to a free name beside it, `<name>.broken` or with a number, and return that."""
    names = (f"{path.name}.broken{number or ''}" for number in count())
    free = next(path.with_name(name) for name in names if not path.with_name(name).exists())
    return path.rename(free)
