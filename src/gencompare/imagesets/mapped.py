"""How memory maps travel to other processes of this machine: once this module is imported, as where they lie."""

from __future__ import annotations

import copyreg
import mmap
from typing import Any

import numpy as np


def _reduce(array: np.memmap) -> str | tuple[Any, ...]:
    """Send a whole read-only memory map as where it lies; a view of one, or one that can change, as its bytes."""
    if not isinstance(array.base, mmap.mmap) or array.mode != "r" or not array.flags.c_contiguous:
        return np.ndarray.__reduce__(np.asarray(array))
    return np.memmap, (array.filename, array.dtype, "r", array.offset, array.shape)


copyreg.pickle(np.memmap, _reduce)
