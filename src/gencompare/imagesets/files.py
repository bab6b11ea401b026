"""Image sets that are made of files: find them, split them, read them in chunks, account for the bad ones."""

from __future__ import annotations

import hashlib
import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from gencompare.imagesets.arrays import Images
from gencompare.imagesets.chunks import in_order, pieces
from gencompare.imagesets.reading import UnreadableImage, looks_like_image, read_image
from gencompare.imagesets.resizing import Box, Fit, to_square
from gencompare.typed import SettingError

logger = logging.getLogger(__name__)

CHUNK = 64
LISTED = 5
TRIED = 8


@dataclass(frozen=True)
class Photo:
    """One image file: where it lies, its name within the source, and what the source says of it."""

    path: Path
    name: str
    label: int | None = None
    box: Box | None = None


@dataclass
class Findings:
    """What came to light while files were read. Threads may write to it at once."""

    unreadable: dict[str, str] = field(default_factory=dict)
    duplicates: dict[str, str] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def add_unreadable(self, name: str, reason: str) -> None:
        """Remember a file that gave no image."""
        with self._lock:
            self.unreadable[name] = reason
        logger.warning("Left out %s: %s", name, reason)

    def add_notes(self, notes: Iterable[str]) -> None:
        """Count what had to be done to an image."""
        with self._lock:
            self.notes.update(notes)

    def for_card(self, files: int, allowed: float, where: str) -> dict[str, Any]:
        """Sum up for the card.

        Raises:
            SettingError: if a larger share of the files than `allowed` was unreadable, with the first few.
        """
        bad = sorted(self.unreadable.items())
        if len(bad) > allowed * files:
            raise SettingError(
                f"{where}: {len(bad)} of {files} image files cannot be read, more than "
                f"image_set.unreadable={allowed:g} allows: {listed(bad)}"
            )
        return {
            "files": files,
            "unreadable": {"count": len(bad), "share": len(bad) / files, "reasons": dict(bad)},
            "duplicates": {"count": len(self.duplicates), "same_as": dict(sorted(self.duplicates.items()))},
            "converted": dict(sorted(self.notes.items())),
        }


def listed(bad: Sequence[tuple[str, str]]) -> str:
    """The first few of a list of files and reasons, in one line."""
    more = f" and {len(bad) - LISTED} more (each is in the log above)" if len(bad) > LISTED else ""
    return "; ".join(f"{name} ({reason})" for name, reason in bad[:LISTED]) + more


def image_files(folder: Path) -> list[Path]:
    """All image files under a folder, sorted; hidden files and folders are left alone."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "__MACOSX"))]
        paths = (Path(parent, name) for name in names if not name.startswith("."))
        found += [path for path in paths if path.is_file() and looks_like_image(path)]
    return sorted(found)


def state_of(paths: Iterable[Path], folder: Path) -> str:
    """Hash the files' names, sizes and times of change."""
    digest = hashlib.sha256()
    for path in paths:
        stat = path.stat()
        digest.update(f"{path.relative_to(folder)}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def check_some(paths: Sequence[Path], where: str) -> None:
    """Refuse a source of whose first files not one can be read."""
    bad = []
    for path in paths[:TRIED]:
        try:
            read_image(path)
            return
        except UnreadableImage as reason:
            bad.append((path.name, str(reason)))
    raise SettingError(f"{where}: none of the first {len(bad)} files is a readable image: {listed(bad)}")


def without_copies(photos: Sequence[Photo], findings: Findings) -> list[tuple[Photo, str]]:
    """Pair each photo with the sha256 of its file; of files with the same bytes only the first is kept."""
    kept: dict[str, Photo] = {}
    for photo, digest in in_order(lambda p: (p, _sha256(p)), photos):
        if digest in kept:
            findings.duplicates[photo.name] = kept[digest].name
        else:
            kept[digest] = photo
    return [(photo, digest) for digest, photo in kept.items()]


def split(photos: Sequence[tuple[Photo, str]], heldout: float) -> tuple[list[Photo], list[Photo]]:
    """Split photos into train and held-out, class by class, by the order of their checksums.

    The split depends on the files' bytes and on nothing else: not on names, order or a seed.
    """
    train, held = [], []
    for label in sorted({photo.label for photo, _ in photos}, key=lambda x: (x is not None, x)):
        group = sorted((digest, photo.name, photo) for photo, digest in photos if photo.label == label)
        cut = min(max(1, round(heldout * len(group))), len(group) - 1)
        held += [photo for _, _, photo in group[:cut]]
        train += [photo for _, _, photo in group[cut:]]
    return sorted(train, key=lambda p: p.name), sorted(held, key=lambda p: p.name)


def chunks(
    photos: Sequence[Photo], findings: Findings, *, resolution: int, fit: Fit, grey: bool, max_pixels: int
) -> Iterator[Images]:
    """Yield photos as square images, in order; unreadable ones are left out and noted in the findings.

    The factor `source` is the name of each image's file.
    """

    def one(photo: Photo) -> np.ndarray | None:
        try:
            read = read_image(photo.path, grey=grey, max_pixels=max_pixels)
        except UnreadableImage as reason:
            findings.add_unreadable(photo.name, str(reason))
            return None
        small = min(read.image.size) < resolution
        findings.add_notes([*read.notes, *(["enlarged"] if small else [])])
        return to_square(read.image, resolution, fit, photo.box)

    def several(piece: Sequence[Photo]) -> Images:
        read = [(photo, pixels) for photo in piece if (pixels := one(photo)) is not None]
        images = np.zeros((len(read), resolution, resolution, 1 if grey else 3), np.uint8)
        for row, (_, pixels) in enumerate(read):
            images[row] = pixels
        labels = None
        if piece[0].label is not None:
            labels = np.array([photo.label for photo, _ in read], np.int64)
        return Images(images, labels, {"source": np.array([photo.name for photo, _ in read], np.str_)})

    return in_order(several, pieces(photos, CHUNK))


def _sha256(photo: Photo) -> str:
    """Checksum of a photo's file; empty and unopenable files are told apart by name: reading reports them."""
    try:
        with photo.path.open("rb") as file:
            if photo.path.stat().st_size:
                return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        logger.debug("No checksum of %s: %s", photo.name, error)
    return hashlib.sha256(photo.name.encode()).hexdigest()
