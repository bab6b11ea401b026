"""What lies in a folder of images: the files, their classes and their split, told from the sub-folders."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from gencompare.config.typed import SettingError
from gencompare.imagesets.files import Findings, Photo, printable, scan, split, without_copies

TRAIN = frozenset({"train", "training"})
HELDOUT = frozenset({"heldout", "test", "testing", "val", "valid", "validation"})


@dataclass(frozen=True)
class Survey:
    """The image files of a folder, its classes (none where there are fewer than two), whom its own split holds out
    (None where it has none), and what in it is no image that can be read, with the reason."""

    photos: list[Photo]
    classes: list[str]
    held_out: frozenset[str] | None
    others: Mapping[str, str]

    def split(self, heldout: float, findings: Findings) -> tuple[list[Photo], list[Photo]]:
        """Train and held-out photos, without copies: the folder's own split, or else a share held out.

        Where a file stands in both of the folder's own splits, it is taken out of train.
        """
        if self.held_out is None:
            return split(without_copies(self.photos, findings), heldout)
        held = self.held_out
        photos = without_copies(sorted(self.photos, key=lambda photo: photo.name not in held), findings)
        train = [photo for photo, _ in photos if photo.name not in held]
        return train, [photo for photo, _ in photos if photo.name in held]


def survey(root: Path, *, labels: bool = True, only: Collection[str] = ()) -> Survey:
    """Find all image files of a folder and tell classes and split from the names of its sub-folders.

    Folders that all files lie in, one in another, are looked through.

    Args:
        root: the folder.
        labels: take classes from the sub-folders.
        only: leave out all classes but these; where empty, keep all.

    Raises:
        SettingError: if some files lie in class folders, or in those of a split, and some beside them.
    """
    names, others = scan(root)
    folders = {name: name.split("/")[:-1] for name in names}
    while names and len({tuple(own[:1]) for own in folders.values()}) == 1 and all(folders.values()):
        folders = {name: own[1:] for name, own in folders.items()}
    tops = {own[0].lower() if own else "": f"{own[0]}/" if own else name for name, own in folders.items()}
    held_out = None
    if tops.keys() & TRAIN and tops.keys() & HELDOUT:
        if strange := [printable(tops[top]) for top in sorted(tops.keys() - TRAIN - HELDOUT)]:
            more = f" and {len(strange) - 3} more" if len(strange) > 3 else ""
            parts = " and ".join(sorted(tops.keys() & (TRAIN | HELDOUT)))
            raise SettingError(
                f"image_set: {root} has a split of its own, in {parts}, and beside it "
                f"{', '.join(strange[:3])}{more}: move each into the part that it belongs to, or elsewhere"
            )
        held_out = frozenset(printable(name) for name, own in folders.items() if own[0].lower() in HELDOUT)
        folders = {name: own[1:] for name, own in folders.items()}
    kinds = {name: own[0] if own else "" for name, own in folders.items()}
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
    return Survey(photos, classes, held_out, others)
