"""`folder`: the user's own images. Nothing in the folder is ever written to.

Sub-folders give the labels where there are at least two. Where the folder holds `train` (`training`) beside `test`
(`testing`), `val`, `valid`, `validation` or `heldout`, that is the split, and no other image may lie beside them;
otherwise a share is held out. Folders that all images lie in, such as the one that an archive unpacks to, are looked
through. Of files with the same bytes only one is used.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache, partial
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from gencompare.config.typed import Fraction, Part, Positive, SettingError, named_path, settings
from gencompare.imagesets.base import ImageSet, Preparation, Resolution
from gencompare.imagesets.files import Findings, check_some, chunks, existing_folder, image_files, state_of
from gencompare.imagesets.reading import WHITE
from gencompare.imagesets.resizing import Fit
from gencompare.imagesets.survey import Survey, survey

Level = Annotated[int, Field(ge=1, le=WHITE)]


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
        white: the value that is white in 16-bit grey files that do not say it, such as 4095 where they hold 12 bits.
    """

    name: ClassVar[str] = "folder"
    locations: ClassVar[tuple[str, ...]] = ("path",)
    path: str | None = None
    resolution: Resolution = 32
    fit: Fit = "crop"
    grey: bool = False
    labels: bool = True
    heldout: Part = 0.2
    unreadable: Fraction = 0.01
    max_pixels: Positive = 50_000_000
    white: Level = WHITE

    def folder_name(self) -> str:
        """Name the prepared folder after the user's, told apart from others of that name by its whole path."""
        if self.path is None:
            return super().folder_name()
        path = named_path(self.path, "image_sets.folder.path").absolute()
        which = hashlib.sha256(path.as_posix().encode()).hexdigest()[:6]
        plain = re.sub(r"[^\w.+-]", "_", path.name, flags=re.ASCII)[:40] or "root"
        return f"folder-{plain}-{which}" + super().folder_name().removeprefix(self.name)

    def check(self) -> None:
        """Refuse a missing or empty folder, and one in which nothing can be read as an image."""
        self._survey()

    def source_state(self) -> str:
        """Names, sizes and times of the image files."""
        return state_of(self._root(), image_files(self._root()))

    def prepare(self) -> Preparation:
        """Find the files. They are compared, split and read when the chunks are asked for."""
        found = self._survey()
        findings = Findings(others=found.others)
        splits = cache(partial(found.split, self.heldout, findings))
        read = partial(
            chunks,
            findings=findings,
            resolution=self.resolution,
            fit=self.fit,
            grey=self.grey,
            max_pixels=self.max_pixels,
            white=self.white,
        )
        return Preparation(
            fingerprint=self.fingerprint(),
            card=self.describe(
                channels=1 if self.grey else 3,
                classes=found.classes,
                source=f"the user's folder {self._root().name}",
                licence="the user's own",
            ),
            train=lambda: read(splits()[0]),
            heldout=lambda: read(splits()[1]),
            found=lambda: findings.for_card(
                len(found.photos), self.unreadable, f"image_set.path={self.path}"
            ),
        )

    def _survey(self) -> Survey:
        found = survey(self._root(), labels=self.labels)
        check_some(found.photos, f"image_set.path={self.path}", found.others)
        if len(found.photos) < 2:
            raise SettingError(
                f"image_set.path={self.path}: only one image; at least one to learn from and one held out are needed"
            )
        if found.held_out is not None and self.heldout != type(self)().heldout:
            raise SettingError(
                f"image_set.heldout={self.heldout:g}: {self.path} has a split of its own; leave it out"
            )
        return found

    def _root(self) -> Path:
        if self.path is None:
            raise SettingError("image_set.path: must be given; name your folder of images")
        return existing_folder(self.path, "image_set.path")
