"""Arrays in `.npy` and `.npz` files, read by one thread at a time and never unpickled.

One at a time, since NumPy parses a header by `ast.literal_eval`, which before Python 3.11.8 and 3.12.2 can fail with a
SystemError where a collection of garbage in its middle lets another thread parse, too (CPython issue 106905): seen when
seven trainings mapped their images at once.
"""

from __future__ import annotations

from pathlib import Path
from threading import RLock
from typing import BinaryIO, Literal

import numpy as np
from numpy.lib.npyio import NpzFile

parsing = RLock()
"""Held by whoever parses Python, as NumPy does to read a header."""


def read_array(path: Path) -> np.ndarray:
    """Read the array of a `.npy` file.

    Raises:
        ValueError, EOFError: if the file is broken, or its array holds Python objects.
    """
    return _read(path)


def map_array(path: Path) -> np.ndarray:
    """Map the array of a `.npy` file into memory, read-only; the file's size is compared to what its header says.

    Raises:
        ValueError, EOFError: if the file is broken, or its array holds Python objects.
    """
    return _read(path, "r")


def read_arrays(file: Path | BinaryIO) -> dict[str, np.ndarray]:
    """Read all arrays of a `.npz` file by their names.

    Raises:
        ValueError, EOFError, BadZipFile: if the file is broken, or an array holds Python objects.
    """
    with parsing:
        found = np.load(file, allow_pickle=False)
        if not isinstance(found, NpzFile):
            raise ValueError("it holds one array, like a .npy file")
        with found as arrays:
            return {name: arrays[name] for name in arrays.files}


def _read(path: Path, mmap_mode: Literal["r"] | None = None) -> np.ndarray:
    with parsing:
        found = np.load(path, mmap_mode=mmap_mode, allow_pickle=False)
    if isinstance(found, NpzFile):
        found.close()
        raise ValueError("it holds several arrays, like a .npz file")
    array: np.ndarray = found
    return array
