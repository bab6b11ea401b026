"""What the tests of the image sets share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gencompare.imagesets.arrays import Images
from gencompare.imagesets.base import Preparation


def photo(seed: int, size: tuple[int, int] = (40, 30)) -> Image.Image:
    """A smooth random RGB picture of this (width, height), another one for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """Write a folder of PNG pictures under the given names and return it."""

    def make(*names: str) -> Path:
        folder = tmp_path / "photos"
        for seed, name in enumerate(names):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            photo(seed).save(path)
        return folder

    return make


@pytest.fixture
def read_all() -> Callable[[Preparation], tuple[Images, Images]]:
    """Take all chunks of a preparation's two splits."""

    def read(preparation: Preparation) -> tuple[Images, Images]:
        return joined(preparation.train()), joined(preparation.heldout())

    return read


def joined(chunks) -> Images:
    """Put chunks together."""
    parts = list(chunks)
    labels = None if parts[0].labels is None else np.concatenate([part.labels for part in parts])
    factors = {name: np.concatenate([part.factors[name] for part in parts]) for name in parts[0].factors}
    return Images(np.concatenate([part.images for part in parts]), labels, factors)
