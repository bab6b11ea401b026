"""`folder`: the user's own images. Nothing in the folder is ever written to.

Sub-folders give the labels where there are at least two. Where the folder holds `train` beside `test`,
`val`, `valid`, `validation` or `heldout` and no other folder, that is the split; otherwise a share is held
out. Of files with the same bytes only one is used, so no image stands in both splits.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import ClassVar

from gencompare.imagesets import files
from gencompare.imagesets.base import ImageSet, Preparation, Resolution
from gencompare.imagesets.files import Photo
from gencompare.imagesets.resizing import Fit
from gencompare.typed import Fraction, Positive, SettingError, settings

TRAIN = "train"
HELDOUT = frozenset({"heldout", "test", "val", "valid", "validation"})


@settings
class Folder(ImageSet):
    """A folder of images, with labels from its sub-folders.

    Attributes:
        path: the folder. Must be given.
        resolution: side of the prepared images, in pixels.
        fit: how an image becomes a square: `crop` keeps the middle, `pad` adds black bars, `stretch` distorts.
        grey: make one grey channel of all images, instead of RGB.
        labels: take labels from the sub-folders.
        heldout: share of each class that is held out, where the folder has no split of its own.
        unreadable: share of the files that may be unreadable before the run stops.
        max_pixels: images with more pixels than this are not opened.
    """

    name: ClassVar[str] = "folder"
    locations: ClassVar[tuple[str, ...]] = ("path",)
    path: str | None = None
    resolution: Resolution = 32
    fit: Fit = "crop"
    grey: bool = False
    labels: bool = True
    heldout: Fraction = 0.2
    unreadable: Fraction = 0.01
    max_pixels: Positive = 50_000_000

    def folder_name(self) -> str:
        """Name the prepared folder after the user's, told apart from others of that name by its whole path."""
        if self.path is None:
            return super().folder_name()
        path = Path(self.path).expanduser().absolute()
        which = hashlib.sha256(path.as_posix().encode()).hexdigest()[:6]
        plain = re.sub(r"[^\w.+-]", "_", path.name, flags=re.ASCII)[:40] or "root"
        return f"folder-{plain}-{which}" + super().folder_name().removeprefix(self.name)

    def check(self) -> None:
        """Refuse a missing or empty folder, and one in which nothing can be read as an image."""
        photos = self._survey().photos
        if not photos:
            raise SettingError(f"{self._where()}: there are no images in it, nor in its sub-folders")
        if len(photos) < 2:
            raise SettingError(
                f"{self._where()}: at least two images are needed, one to learn from, one held out"
            )
        files.check_some([photo.path for photo in photos], self._where())

    def source_state(self) -> str:
        """Names, sizes and times of the image files."""
        return files.state_of((photo.path for photo in self._survey().photos), self._root())

    def prepare(self) -> Preparation:
        """Find the files. They are compared, split and read when the chunks are asked for."""
        self.check()
        survey, findings = self._survey(), files.Findings()
        splits = cache(partial(survey.split, self.heldout, findings))
        read = partial(
            files.chunks,
            findings=findings,
            resolution=self.resolution,
            fit=self.fit,
            grey=self.grey,
            max_pixels=self.max_pixels,
        )
        source, channels = f"the user's folder {self._root().name}", 1 if self.grey else 3
        return Preparation(
            fingerprint=self.fingerprint(),
            card=self.describe(
                channels=channels, classes=survey.classes, source=source, licence="the user's own"
            ),
            train=lambda: read(splits()[0]),
            heldout=lambda: read(splits()[1]),
            found=lambda: findings.for_card(len(survey.photos), self.unreadable, self._where()),
        )

    def _where(self) -> str:
        return f"image_set.path={self.path}"

    def _root(self) -> Path:
        if self.path is None:
            raise SettingError("image_set.path: must be given; name your folder of images")
        root = Path(self.path).expanduser().absolute()
        if not root.is_dir():
            raise SettingError(f"{self._where()}: no such folder; name an existing folder of images")
        return root

    def _survey(self) -> Survey:
        return survey(self._root(), with_labels=self.labels)


@dataclass(frozen=True)
class Survey:
    """The image files of a folder, its classes (none where there are fewer than two), and its own split."""

    photos: list[Photo]
    classes: list[str]
    own_split: bool

    def split(self, share: float, findings: files.Findings) -> tuple[list[Photo], list[Photo]]:
        """Train and held-out photos without copies: the folder's own split, or else a share held out."""
        held_first = sorted(self.photos, key=lambda photo: not _held_out(photo.name))
        photos = files.without_copies(held_first if self.own_split else self.photos, findings)
        if not self.own_split:
            return files.split(photos, share)
        train = [photo for photo, _ in photos if not _held_out(photo.name)]
        return train, [photo for photo, _ in photos if _held_out(photo.name)]


def survey(root: Path, with_labels: bool) -> Survey:
    """Find all image files of a folder and tell its classes and its split from its sub-folders."""
    paths = files.image_files(root)
    names = [path.relative_to(root).as_posix() for path in paths]
    tops = {name.split("/")[0].lower() if "/" in name else "" for name in names}
    own_split = TRAIN in tops and len(tops) > 1 and tops <= HELDOUT | {TRAIN}
    kinds = [name.split("/")[int(own_split) : -1] for name in names]
    classes = sorted({kind[0] for kind in kinds if kind}) if with_labels else []
    if len(classes) < 2:
        classes = []
    elif not all(kinds):
        stray = names[kinds.index([])]
        raise SettingError(
            f"image_set.labels=True: {stray} lies beside the class folders {', '.join(classes[:3])}...; "
            "move such files into one, or set image_set.labels=false"
        )
    number = {name: label for label, name in enumerate(classes)}
    labels = [number[kind[0]] if classes else None for kind in kinds]
    photos = [Photo(*facts) for facts in zip(paths, names, labels, strict=True)]
    return Survey(photos, classes, own_split)


def _held_out(name: str) -> bool:
    return name.split("/", maxsplit=1)[0].lower() in HELDOUT
