"""`cifar10`: CIFAR-10 (Krizhevsky 2009), 32x32 photos in ten classes, all or some of them (cars only, say)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
import pydantic
from PIL import Image

from gencompare.config.typed import Fraction, SettingError, choose, settings
from gencompare.imagesets.arrays import Images
from gencompare.imagesets.base import ImageSet, Preparation, Resolution
from gencompare.imagesets.chunks import spans
from gencompare.imagesets.files import Findings, check_some, chunks, existing_folder, image_files, state_of
from gencompare.imagesets.resizing import to_square
from gencompare.imagesets.survey import Survey, survey

if TYPE_CHECKING:
    import torchvision

CHUNK = 1024
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCHES = "cifar-10-batches-py"
HOME = "https://www.cs.toronto.edu/~kriz/cifar.html"


def _one_or_more(names: Any) -> Any:
    """Let a single name stand for a list of one: a command line has no lists."""
    return (names,) if isinstance(names, str) else names


@settings
class CIFAR10(ImageSet):
    """CIFAR-10: 5,000 train and 1,000 held-out (the published test split) photos of each class.

    Attributes:
        classes: the classes to use, one name or a list such as ["automobile"]; where empty, all ten.
        resolution: side of the images, in pixels. At 32 they are the published ones.
        unreadable: share of image files that may be unreadable before the run stops.
        folder: where `cifar-10-batches-py` lies, or a folder of image files laid out as
            `{train,test}/<class>/`. Left out, torchvision downloads the set.
        downloads: where torchvision's download goes.
    """

    name: ClassVar[str] = "cifar10"
    locations: ClassVar[tuple[str, ...]] = ("folder", "downloads")
    classes: Annotated[tuple[str, ...], pydantic.BeforeValidator(_one_or_more)] = ()
    resolution: Resolution = 32
    unreadable: Fraction = 0.01
    folder: str | None = None
    downloads: str = "data/01_raw"

    def check(self) -> None:
        """Refuse unknown classes, a missing folder, and one that holds neither batches nor images."""
        self._names()
        if self._has_files():
            self._survey()

    def source_state(self) -> str:
        """Names, sizes and times of image files; nothing for the published batches, whose content is known."""
        if not self._has_files():
            return ""
        root = self._root()
        return state_of(root, image_files(root))

    def prepare(self) -> Preparation:
        """Describe the set. It is downloaded and read when the chunks are asked for."""
        return self._from_files() if self._has_files() else self._from_batches()

    def _from_files(self) -> Preparation:
        found = self._survey()
        findings = Findings(others=found.others)
        splits = cache(partial(found.split, 0.0, findings))
        read = partial(
            chunks, findings=findings, resolution=self.resolution, fit="crop", grey=False, max_pixels=10**6
        )
        return Preparation(
            fingerprint=self.fingerprint(),
            card=self._card(f"{HOME}, as image files"),
            train=lambda: read(splits()[0]),
            heldout=lambda: read(splits()[1]),
            found=partial(
                findings.for_card, len(found.photos), self.unreadable, f"image_set.folder={self.folder}"
            ),
        )

    def _from_batches(self) -> Preparation:
        return Preparation(
            fingerprint=self.fingerprint(),
            card=self._card(HOME),
            train=partial(self._chunks, train=True),
            heldout=partial(self._chunks, train=False),
        )

    def _chunks(self, train: bool) -> Iterator[Images]:
        published = self._published(train)
        numbers = np.array(published.targets, np.int64)
        wanted = [CLASSES.index(name) for name in self._names()]
        chosen = np.flatnonzero(np.isin(numbers, wanted))
        labels = np.searchsorted(wanted, numbers[chosen])
        for start, stop in spans(len(chosen), CHUNK):
            images = published.data[chosen[start:stop]]
            if self.resolution != images.shape[1]:
                images = np.stack([to_square(Image.fromarray(image), self.resolution) for image in images])
            yield Images(images, labels[start:stop].astype(np.int64) if len(wanted) > 1 else None)

    def _published(self, train: bool) -> torchvision.datasets.CIFAR10:
        """The published batches, whose checksums torchvision makes sure of before it unpickles them."""
        import torchvision

        root = self.folder if self.folder is not None else self.downloads
        try:
            return torchvision.datasets.CIFAR10(root, train=train, download=self.folder is None)
        except (OSError, RuntimeError) as error:
            raise SettingError(
                f"image_set.name=cifar10: {BATCHES} in {root} is missing or not the published one, or its download "
                f"failed ({' '.join(str(error).split())[:200]}); get it from {HOME} and set image_set.folder"
            ) from error

    def _names(self) -> list[str]:
        """The chosen classes, in CIFAR-10's order."""
        for name in self.classes:
            choose(dict.fromkeys(CLASSES, True), name, "image_set.classes")
        return [name for name in CLASSES if not self.classes or name in self.classes]

    def _card(self, source: str) -> dict[str, Any]:
        names = self._names()
        classes = names if len(names) > 1 else []
        return self.describe(channels=3, classes=classes, source=source, licence="none stated by the authors")

    def _root(self) -> Path:
        return existing_folder(self.folder or "", "image_set.folder")

    def _has_files(self) -> bool:
        """Whether the user named a folder of image files, rather than of the published batches."""
        return self.folder is not None and not (self._root() / BATCHES).is_dir()

    def _survey(self) -> Survey:
        where = f"image_set.folder={self.folder}"
        found = survey(self._root(), only=self._names())
        check_some(found.photos, where, found.others)
        if found.held_out is None:
            raise SettingError(
                f"{where}: needs {BATCHES}, or image files as train/<class>/ and test/<class>/"
            )
        return found
