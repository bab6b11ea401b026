"""`pandas`: many images made from a few photos of pandas by offline augmentation.

Each photo belongs to one split before anything is made of it, so no source photo stands in both. Every image
can be traced: the factors `source`, `recipe` and `seed`, and the table beside the images, say which photo it
came from and how to make it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import numpy as np

from gencompare.config.typed import Fraction, NonNegative, Part, Positive, Seed, SettingError, settings
from gencompare.imagesets.arrays import Images
from gencompare.imagesets.augmentation import Augmenter, Strength, check_strength, shrunk
from gencompare.imagesets.base import ImageSet, Preparation, Resolution
from gencompare.imagesets.chunks import in_order
from gencompare.imagesets.files import (
    CHUNK,
    Findings,
    Photo,
    check_some,
    chunks,
    existing_folder,
    image_files,
    printable,
    split,
    state_of,
    without_copies,
)


@settings
class Pandas(ImageSet):
    """Photos of pandas, augmented.

    Attributes:
        count: images in the train split that each recipe makes from the train photos, in equal parts.
        resolution: side of the images, in pixels.
        recipe: `basic` (the middle square, mirrored or not) or `advanced` (mirrored, turned, cropped at
            random, changed in colour); `basic+advanced` makes images by both, told apart by the factor `recipe`.
        strength: how strongly the recipe changes a photo.
        heldout: share of the photos that is held out.
        heldout_count: images in the held-out split, made by the same recipe; with 0, each held-out photo
            stands there once, its middle square, unchanged.
        seed: another seed gives other images.
        unreadable: share of the files that may be unreadable before the run stops.
        max_pixels: photos with more pixels than this are not opened.
        folder: where the photos lie, in sub-folders or not. Left out, `kaggle` is downloaded.
        kaggle: the data set on Kaggle, fetched with kagglehub; of its files those are used that lie in a
            folder with "panda" in its name.
    """

    name: ClassVar[str] = "pandas"
    may_have_labels: ClassVar[bool] = False
    locations: ClassVar[tuple[str, ...]] = ("folder", "kaggle")
    count: Positive = 5_000
    resolution: Resolution = 32
    recipe: str = "advanced"
    strength: Strength = Strength()
    heldout: Part = 0.2
    heldout_count: NonNegative = 0
    seed: Seed = 0
    unreadable: Fraction = 0.01
    max_pixels: Positive = 50_000_000
    folder: str | None = None
    kaggle: str = "ashishsaxena2209/animal-image-datasetdog-cat-and-panda/versions/1"

    def check(self) -> None:
        """Refuse an unknown recipe, a missing or empty folder, and files of which none can be read."""
        check_strength(self._recipes(), self.strength)
        if self.folder is not None:
            self._photos()
        else:
            _kagglehub()

    def source_state(self) -> str:
        """Names, sizes and times of the photos."""
        root = self._root()
        return state_of(root, self._names(root))

    def prepare(self) -> Preparation:
        """Find the photos. They are split, read and augmented when the chunks are asked for."""
        check_strength(self._recipes(), self.strength)
        photos, findings = self._photos(), Findings()
        splits = cache(lambda: split(without_copies(photos, findings), self.heldout))
        source = (
            f"the user's folder {Path(self.folder).name}"
            if self.folder
            else f"kaggle.com/datasets/{self.kaggle}"
        )
        card = self.describe(channels=3, classes=[], source=source, licence="see the source")
        card["recipe"] = {augment.recipe: augment.description for augment in self._augmenters()}
        return Preparation(
            fingerprint=self.fingerprint(),
            card=card,
            train=lambda: self._augmented("train", splits()[0], self.count, findings),
            heldout=lambda: self._held_out(splits()[1], findings),
            found=partial(findings.for_card, len(photos), self.unreadable, self._where()),
        )

    def _held_out(self, photos: Sequence[Photo], findings: Findings) -> Iterator[Images]:
        if self.heldout_count:
            yield from self._augmented("heldout", photos, self.heldout_count, findings)
            return
        read = chunks(
            photos, findings, resolution=self.resolution, fit="crop", grey=False, max_pixels=self.max_pixels
        )
        for chunk in read:
            yield _traced(chunk.images, chunk.factors["source"], "none", np.full(len(chunk), -1))

    def _augmented(
        self, split_name: str, photos: Sequence[Photo], count: int, findings: Findings
    ) -> Iterator[Images]:
        """Yield `count` images of each recipe, made from the photos in equal parts, photo by photo.

        The share of a photo that cannot be read goes to those after it.
        """
        augmenters = self._augmenters()

        def working(photo: Photo) -> list[np.ndarray] | None:
            image = findings.read(photo, grey=False, max_pixels=self.max_pixels)
            return None if image is None else [shrunk(image, augment.working_side) for augment in augmenters]

        made, usable = 0, None
        for position, read in enumerate(in_order(working, photos)):
            if read is not None:
                usable = (photos[position].name, read)
            if usable is None or (read is None and position < len(photos) - 1):
                continue
            share = (count - made) // (len(photos) - position)
            name, sized = usable
            for augment, pixels in zip(augmenters, sized, strict=True):
                for start in range(made, made + share, CHUNK):
                    numbers = range(start, min(start + CHUNK, made + share))
                    seeds = [_seed(self.seed, split_name, number) for number in numbers]
                    # here, not in threads (Python's lock) nor processes (each imports torch: 2 s, 0.5 GB)
                    images = augment.make(pixels, seeds)
                    yield _traced(images, np.array([name] * len(seeds)), augment.recipe, np.array(seeds))
            made += share

    def _recipes(self) -> list[str]:
        return self.recipe.split("+")

    def _augmenters(self) -> list[Augmenter]:
        return [Augmenter(recipe, self.strength, self.resolution) for recipe in self._recipes()]

    def _photos(self) -> list[Photo]:
        root = self._root()
        photos = [Photo(f"{root}/{name}", printable(name)) for name in self._names(root)]
        check_some(photos, self._where())
        if len(photos) < 2:
            raise SettingError(
                f"{self._where()}: only one photo; one to learn from and one held out are needed"
            )
        return photos

    def _names(self, root: Path) -> list[str]:
        names = image_files(root)
        return (
            names if self.folder is not None else [n for n in names if "panda" in Path(n).parent.name.lower()]
        )

    def _where(self) -> str:
        source = "kaggle" if self.folder is None else "folder"
        return f"image_set.{source}={getattr(self, source)}"

    def _root(self) -> Path:
        if self.folder is not None:
            return existing_folder(self.folder, "image_set.folder")
        try:
            return Path(_kagglehub().dataset_download(self.kaggle))
        except SettingError:
            raise
        except Exception as error:  # kagglehub has no error of its own for what can go wrong here
            raise SettingError(
                f"image_set.kaggle={self.kaggle}: the download failed ({' '.join(str(error).split())[:200]}); "
                "name your own folder of photos with image_set.folder"
            ) from error


def _kagglehub() -> ModuleType:
    try:
        import kagglehub
    except ImportError:
        raise SettingError(
            "image_set.folder: name your folder of panda photos, or pip install kagglehub to fetch Kaggle's"
        ) from None
    return kagglehub


def _seed(seed: int, split_name: str, number: int) -> int:
    """The seed of one image, in [0, 2**63)."""
    digest = hashlib.sha256(f"{seed}/{split_name}/{number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def _traced(images: np.ndarray, sources: np.ndarray, recipe: str, seeds: np.ndarray) -> Images:
    recipes = np.array([recipe] * len(images), np.str_)
    return Images(images, factors={"source": sources, "recipe": recipes, "seed": seeds.astype(np.int64)})
