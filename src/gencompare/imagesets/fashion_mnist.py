"""`fashion_mnist`: 70,000 grey photos of clothes in ten classes (Xiao, Rasul and Vollgraf 2017).

The published 28x28 images get a black border of 2 pixels at 32x32: their background is black already, and so
every pixel that contenders learn from is a published one, where resizing would blur all of them. At 28 the
images stay as they are. Any other resolution is resized from 32x32 with antialiased bicubic.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import pydantic
from PIL import Image

from gencompare.config.typed import SettingError, named_path, settings
from gencompare.imagesets.arrays import Images
from gencompare.imagesets.base import ImageSet, Preparation, Resolution
from gencompare.imagesets.chunks import spans
from gencompare.imagesets.resizing import to_square

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
CLASSES = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot".split(",")
# sha256 of the unpacked files: the same files are packed differently by different publishers
FILES = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}


@settings
class FashionMNIST(ImageSet):
    """FashionMNIST: 60,000 train and 10,000 held-out (the published test split) grey images, ten classes.

    Attributes:
        count: images in the train split: the first so many of the published ones, whose order is mixed.
        heldout: images in the held-out split, taken likewise.
        resolution: side of the images, in pixels.
        folder: where the four IDX files lie, as published (.gz) or unpacked. Left out, they are looked for
            where Debian's package dataset-fashion-mnist puts them, then in `downloads`, and else downloaded.
        downloads: where torchvision's download goes.
    """

    name: ClassVar[str] = "fashion_mnist"
    locations: ClassVar[tuple[str, ...]] = ("folder", "downloads")
    count: Annotated[int, pydantic.Field(gt=0, le=60_000)] = 60_000
    heldout: Annotated[int, pydantic.Field(gt=0, le=10_000)] = 10_000
    resolution: Resolution = 32
    folder: str | None = None
    downloads: str = "data/01_raw"

    def check(self) -> None:
        """Refuse a named folder in which one of the four files is missing."""
        if self.folder is None:
            return
        folder = named_path(self.folder, "image_set.folder")
        if not folder.is_dir():
            raise SettingError(
                f"image_set.folder={self.folder}: no such folder; name one with the four IDX files"
            )
        missing = [name for name in FILES if not _find(folder, name)]
        if missing:
            raise SettingError(f"image_set.folder={self.folder}: {missing[0]}.gz is not there")

    def prepare(self) -> Preparation:
        """Find or download the files. They are read when the chunks are asked for."""
        self.check()
        folder = self._obtain()
        source = "https://github.com/zalandoresearch/fashion-mnist"
        return Preparation(
            fingerprint=self.fingerprint(),
            card=self.describe(channels=1, classes=CLASSES, source=source, licence="MIT"),
            train=partial(self._chunks, folder, "train", self.count),
            heldout=partial(self._chunks, folder, "t10k", self.heldout),
        )

    def _obtain(self) -> Path:
        if self.folder is not None:
            return named_path(self.folder, "image_set.folder")
        downloaded = Path(self.downloads) / "FashionMNIST" / "raw"
        for folder in (DEBIAN, downloaded):
            if all(_find(folder, name) for name in FILES):
                return folder
        import torchvision

        try:
            torchvision.datasets.FashionMNIST(self.downloads, download=True)
        except (OSError, RuntimeError) as error:
            raise SettingError(
                f"image_set.name=fashion_mnist: not on this machine, and the download failed "
                f"({' '.join(str(error).split())[:200]}); apt-get install dataset-fashion-mnist, or set "
                "image_set.folder to a folder with the four IDX files"
            ) from error
        return downloaded

    def _chunks(self, folder: Path, part: str, count: int) -> Iterator[Images]:
        images = _read(folder, f"{part}-images-idx3-ubyte", header=16).reshape(-1, 28, 28, 1)
        labels = _read(folder, f"{part}-labels-idx1-ubyte", header=8).astype(np.int64)
        for start, stop in spans(count, 1024):
            yield Images(_resized(images[start:stop], self.resolution), labels[start:stop])


def _find(folder: Path, name: str) -> Path | None:
    paths = (folder / f"{name}.gz", folder / name)
    return next((path for path in paths if path.is_file()), None)


def _read(folder: Path, name: str, header: int) -> np.ndarray:
    """The values of an IDX file, uint8 (all,), after making sure that it is the published one."""
    path = _find(folder, name)
    if path is None:
        raise SettingError(f"image_set.folder={folder}: {name}.gz is not there")
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError) as error:
        raise SettingError(f"image_set.folder={folder}: {path.name} cannot be unpacked ({error})") from error
    if hashlib.sha256(content).hexdigest() != FILES[name]:
        raise SettingError(
            f"image_set.folder={folder}: {path.name} is not the published file (checksum differs)"
        )
    return np.frombuffer(content, np.uint8, offset=header)


def _resized(images: np.ndarray, resolution: int) -> np.ndarray:
    if resolution == 28:
        return images
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    if resolution == 32:
        return padded
    return np.stack([to_square(Image.fromarray(image[:, :, 0]), resolution) for image in padded])
