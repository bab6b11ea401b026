"""What lies in a folder of images: the files, their classes and their split, told from the sub-folders."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from gencompare.config.typed import SettingError
from gencompare.imagesets.files import Findings, Photo, printable, scan, split, without_copies

TRAIN = "train"
HELDOUT = frozenset({"heldout", "test", "val", "valid", "validation"})


@dataclass(frozen=True)
class Survey:
    """The image files of a folder, its classes (none where there are fewer than two), its own split, and what in it
    is no file, with the reason."""

    photos: list[Photo]
    classes: list[str]
    own_split: bool
    others: Mapping[str, str]

    def split(self, heldout: float, findings: Findings) -> tuple[list[Photo], list[Photo]]:
        """Train and held-out photos, without copies: the folder's own split, or else a share held out.

        Where a file stands in both of the folder's own splits, it is taken out of train.
        """
        held_first = sorted(self.photos, key=lambda photo: not _held_out(photo.name))
        photos = without_copies(held_first if self.own_split else self.photos, findings)
        if not self.own_split:
            return split(photos, heldout)
        train = [photo for photo, _ in photos if not _held_out(photo.name)]
        return train, [photo for photo, _ in photos if _held_out(photo.name)]


def survey(root: Path, *, labels: bool = True, only: Collection[str] = ()) -> Survey:
    """Find all image files of a folder and tell classes and split from the names of its sub-folders.

    Args:
        root: the folder.
        labels: take classes from the sub-folders.
        only: leave out all classes but these; where empty, keep all.

    Raises:
        SettingError: if some files lie in class folders and some beside them.
    """
    names, others = scan(root)
    tops = {name.split("/")[0].lower() if "/" in name else "" for name in names}
    own_split = TRAIN in tops and len(tops) > 1 and tops <= HELDOUT | {TRAIN}
    kinds = {name: _kind(name, own_split) for name in names}
    if only:
        kinds = {name: kind for name, kind in kinds.items() if kind in only}
    classes = sorted({printable(kind) for kind in kinds.values() if kind}) if labels else []
    if len(classes) < 2:
        classes = []
    stray = [name for name, kind in kinds.items() if not kind]
    if classes and stray:
        raise SettingError(
            f"image_set.labels=True: {printable(stray[0])} lies beside the class folders {', '.join(classes[:3])}; "
            "move such files into one of them, or set image_set.labels=false"
        )
    number = {kind: label for label, kind in enumerate(classes)}
    photos = [
        Photo(f"{root}/{name}", printable(name), number.get(printable(kind))) for name, kind in kinds.items()
    ]
    return Survey(photos, classes, own_split, others)


def _kind(name: str, own_split: bool) -> str:
    """The first sub-folder that a file lies in, below the split's where there is one; empty without one."""
    folders = name.split("/")[1 if own_split else 0 : -1]
    return folders[0] if folders else ""


def _held_out(name: str) -> bool:
    return name.split("/", maxsplit=1)[0].lower() in HELDOUT
