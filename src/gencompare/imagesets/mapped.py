"""How memory maps travel to other processes of this machine: once this module is imported, as where they lie.

What lies there may have been prepared anew by another run since: whoever receives an image set looks at its card.
"""

from __future__ import annotations

import copyreg
import mmap
from pathlib import Path
from typing import Any

import numpy as np

from gencompare.config.typed import SettingError
from gencompare.imagesets.arrays import Images, ImageSplits
from gencompare.imagesets.storage import check_unchanged


def _reduce(array: np.memmap) -> str | tuple[Any, ...]:
    """Send a whole read-only memory map as where it lies; a view of one, or one that can change, as its bytes."""
    if not isinstance(array.base, mmap.mmap) or array.mode != "r" or not array.flags.c_contiguous:
        return np.ndarray.__reduce__(np.asarray(array))
    return _mapped, (array.filename, array.dtype, array.offset, array.shape)


def _mapped(filename: str, dtype: np.dtype, offset: int, shape: tuple[int, ...]) -> np.memmap:
    try:
        return np.memmap(filename, dtype, "r", offset, shape)
    except (FileNotFoundError, ValueError) as error:
        raise SettingError(
            f"{filename}: {error}; was it written anew meanwhile? give the same command again"
        ) from error


def _reduce_splits(splits: ImageSplits) -> tuple[Any, ...]:
    return _received, (splits.train, splits.heldout, splits.card)


def _received(train: Images, heldout: Images, card: dict[str, Any]) -> ImageSplits:
    if isinstance(train.images, np.memmap) and train.images.filename:
        check_unchanged(Path(train.images.filename).parent, card["fingerprint"])
    return ImageSplits(train, heldout, card)


copyreg.pickle(np.memmap, _reduce)
copyreg.pickle(ImageSplits, _reduce_splits)
