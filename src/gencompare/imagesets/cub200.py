"""`cub200`: Caltech-UCSD Birds-200-2011 (Wah et al. 2011), as published: 11,788 photos of 200 species.

The splits are the official ones. The folder's own lists are believed, so a part of the set (fewer species, or
images made smaller with their boxes) can be used the same way.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import ClassVar

from gencompare.config.typed import Fraction, NonNegativeFloat, Positive, SettingError, named_path, settings
from gencompare.imagesets.archive import KINDS, is_archive, unpacked
from gencompare.imagesets.base import ImageSet, Preparation, Resolution
from gencompare.imagesets.files import Findings, Photo, check_some, chunks, state_of
from gencompare.imagesets.resizing import Fit

LISTS = ("images", "image_class_labels", "train_test_split", "bounding_boxes", "classes")
HOME = "https://www.vision.caltech.edu/datasets/cub_200_2011"


@settings
class CUB200(ImageSet):
    """CUB-200-2011 birds with species labels and the official split.

    Attributes:
        resolution: side of the prepared images, in pixels.
        crop_to_box: use the square around each bird's bounding box instead of the whole photo.
        margin: by how much that square is larger than the box, as a share of its side.
        fit: how a photo becomes a square without `crop_to_box`: `crop`, `pad` or `stretch`.
        unreadable: share of the photos that may be unreadable or missing before the run stops.
        max_pixels: photos with more pixels than this are not opened.
        folder: the folder CUB_200_2011, or the published archive, which is unpacked into `downloads`. Left
            out, either is looked for in `downloads`.
        downloads: where archives are unpacked.
    """

    name: ClassVar[str] = "cub200"
    locations: ClassVar[tuple[str, ...]] = ("folder", "downloads")
    resolution: Resolution = 32
    crop_to_box: bool = False
    margin: NonNegativeFloat = 0.1
    fit: Fit = "crop"
    unreadable: Fraction = 0.01
    max_pixels: Positive = 50_000_000
    folder: str | None = None
    downloads: str = "data/01_raw"

    def check(self) -> None:
        """Refuse a missing folder or archive, incomplete lists, and photos of which none can be read."""
        source = self._source()
        if source.is_dir():
            photos, _ = _photos(_home(source))
            check_some([photo for photo, _ in photos], f"image_set.folder={source}")

    def source_state(self) -> str:
        """Names, sizes and times of the lists and photos, or of the archive."""
        source = self._source()
        if source.is_file():
            return state_of(source.parent, [source.name])
        home = _home(source)
        photos, _ = _photos(home)
        return state_of(home, [*(f"{name}.txt" for name in LISTS), *(photo.name for photo, _ in photos)])

    def prepare(self) -> Preparation:
        """Read the lists, after unpacking. The photos are read when the chunks are asked for."""
        self.check()
        source = self._source()
        if source.is_file():
            source = unpacked(source, Path(self.downloads), f"image_set.folder={source}")
        photos, classes = _photos(_home(source))
        findings = Findings()
        read = partial(
            chunks,
            findings=findings,
            resolution=self.resolution,
            fit=self.fit,
            grey=False,
            max_pixels=self.max_pixels,
            margin=self.margin if self.crop_to_box else None,
        )
        return Preparation(
            fingerprint=self.fingerprint(),
            card=self.describe(
                channels=3,
                classes=classes,
                source=HOME,
                licence="none stated: for non-commercial research and education; photos belong to their authors",
            ),
            train=partial(read, [photo for photo, train in photos if train]),
            heldout=partial(read, [photo for photo, train in photos if not train]),
            found=partial(findings.for_card, len(photos), self.unreadable, f"image_set.folder={self.folder}"),
        )

    def _source(self) -> Path:
        """The folder, or the archive, absolute."""
        if self.folder is not None:
            path = named_path(self.folder, "image_set.folder").absolute()
            if path.is_dir() or is_archive(path):
                return path
            problem = f"neither a folder nor {KINDS}" if path.exists() else "no such folder or archive"
            raise SettingError(f"image_set.folder={self.folder}: {problem}; name CUB_200_2011 or its archive")
        for name in ("CUB_200_2011", "CUB_200_2011.tgz"):
            path = Path(self.downloads, name).absolute()
            if path.exists():
                return path
        raise SettingError(
            f"image_set.folder: name the folder CUB_200_2011 or its archive, or put either into {self.downloads} "
            f"(from {HOME})"
        )


def _home(folder: Path) -> Path:
    """The folder with the lists: this one, or CUB_200_2011 in it."""
    for home in (folder, folder / "CUB_200_2011"):
        if (home / "images.txt").is_file():
            return home
    raise SettingError(f"image_set.folder={folder}: there is no images.txt in it, so it is not CUB_200_2011")


def _photos(home: Path) -> tuple[list[tuple[Photo, bool]], list[str]]:
    """Each photo with its label and box, and whether it is in the train split; and the classes' names."""
    names, labels, splits, boxes, classes = (_list(home / f"{name}.txt") for name in LISTS)
    number = {key: label for label, key in enumerate(classes)}
    photos = []
    for key, name in names.items():
        try:
            left, upper, width, height = map(float, boxes[key].split())
            box = (left, upper, left + width, upper + height)
            photo = Photo(f"{home}/images/{name}", f"images/{name}", number[labels[key]], box)
            photos.append((photo, {"0": False, "1": True}[splits[key]]))
        except (KeyError, ValueError) as error:
            raise SettingError(
                f"image_set.folder={home}: image {key} ({name}) has no proper label, split or box"
            ) from error
    return photos, list(classes.values())


def _list(path: Path) -> dict[str, str]:
    """Read a list of `<id> <value>` lines."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
        return {
            key: value.strip() for key, value in (line.split(maxsplit=1) for line in lines if line.strip())
        }
    except (OSError, ValueError) as error:
        raise SettingError(f"image_set.folder={path.parent}: {path.name} cannot be read ({error})") from error
