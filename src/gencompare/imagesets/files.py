"""Image sets that are made of files: find them, split them, read them in chunks, account for the bad ones."""

from __future__ import annotations

import hashlib
import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image

from gencompare.config.typed import SettingError, named_path
from gencompare.imagesets.arrays import Images
from gencompare.imagesets.chunks import in_order, pieces
from gencompare.imagesets.reading import UNREAD, WHITE, UnreadableImage, looks_like_image, read_image
from gencompare.imagesets.resizing import Box, Fit, square_around, to_square

logger = logging.getLogger(__name__)

CHUNK = 64
LISTED = 5
TRIED = 16
SAID = 20
CROPPED = "cropped by more than a third"
MUCH_LONGER = 1.5
"""Of an image whose one side is longer than this times the other, the middle square is less than two thirds."""


@dataclass(frozen=True)
class Photo:
    """One image file: its path, its name within the source, and what the source says of it."""

    path: str
    name: str
    label: int | None = None
    box: Box | None = None


@dataclass
class Findings:
    """What comes to light while files are read, `sides` (the shorter ones, in pixels), and `others` that are left out
    unopened. Threads may write to it at once."""

    unreadable: dict[str, str] = field(default_factory=dict)
    duplicates: dict[str, str] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)
    sides: list[int] = field(default_factory=list)
    others: Mapping[str, str] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def read(self, photo: Photo, *, grey: bool, max_pixels: int, white: int = WHITE) -> Image.Image | None:
        """Read one photo; None where it is unreadable. Either way, what happened is remembered."""
        try:
            read = read_image(photo.path, grey=grey, max_pixels=max_pixels, white=white)
        except UnreadableImage as reason:
            logger.warning("Left out %s: %s", photo.name, reason)
            with self._lock:
                self.unreadable[photo.name] = str(reason)
            return None
        self.note(*read.notes)
        with self._lock:
            self.sides.append(min(read.image.size))
        return read.image

    def note(self, *notes: str) -> None:
        """Count what had to be done to an image."""
        with self._lock:
            self.notes.update(notes)

    def for_card(self, files: int, allowed: float, where: str) -> dict[str, Any]:
        """Sum up for the card.

        Raises:
            SettingError: if a larger share of the files than `allowed` was unreadable, with the first few.
        """
        for name, reason in islice(self.others.items(), SAID):
            logger.warning("Left out %s: %s", printable(name), reason)
        if len(self.others) > SAID:
            logger.warning(
                "Left out %d more such files; the page of the images names all", len(self.others) - SAID
            )
        bad = sorted(self.unreadable.items())
        if len(bad) > allowed * files:
            raise SettingError(
                f"{where}: {len(bad)} of {files} image files cannot be read, more than "
                f"image_set.unreadable={allowed:g} allows (the log above names all): {listed(bad)}"
            )
        left_out = {printable(name): reason for name, reason in sorted(self.others.items())}
        return ({"left_out": left_out} if left_out else {}) | {
            "files": files,
            "unreadable": {"count": len(bad), "share": len(bad) / files, "reasons": dict(bad)},
            "duplicates": {"count": len(self.duplicates), "same_as": dict(sorted(self.duplicates.items()))},
            "converted": dict(sorted(self.notes.items())),
            "shorter_side": _spread(self.sides),
        }


def _spread(sides: Sequence[int]) -> dict[str, int]:
    """The least, middle and greatest number of pixels of the images' shorter sides."""
    ordered = sorted(sides)
    return (
        {"least": ordered[0], "median": ordered[len(ordered) // 2], "greatest": ordered[-1]}
        if ordered
        else {}
    )


def listed(bad: Sequence[tuple[str, str]]) -> str:
    """The first few of a list of files and reasons, in one line."""
    more = f" and {len(bad) - LISTED} more" if len(bad) > LISTED else ""
    return "; ".join(f"{name} ({reason})" for name, reason in bad[:LISTED]) + more


def existing_folder(path: str, setting: str) -> Path:
    """The absolute path of a folder that the user named.

    Raises:
        SettingError: if there is no such folder.
    """
    folder = named_path(path, setting).absolute()
    if not folder.is_dir():
        raise SettingError(f"{setting}={path}: no such folder; name an existing folder of images")
    return folder


def image_files(folder: Path) -> list[str]:
    """Names of all image files under a folder, relative to it, sorted. Hidden ones are left alone."""
    return scan(folder)[0]


def scan(folder: Path) -> tuple[list[str], dict[str, str]]:
    """Return the names of all image files under a folder, sorted, and what is left out, by name, with the reason: what
    is no file, and images in formats that are not read.

    Links to files are followed, those to folders are not: they may lead in a circle.
    """
    found: list[str] = []
    others: dict[str, str] = {}
    folders = [""]
    while folders:
        prefix = folders.pop()
        try:
            with os.scandir(f"{folder}/{prefix}") as opened:
                entries = [entry for entry in opened if not entry.name.startswith((".", "__MACOSX"))]
        except OSError as error:
            others[prefix] = f"cannot be opened: {error.strerror}"
            continue
        for entry in entries:
            name = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                folders.append(f"{name}/")
            elif not os.path.isfile(entry.path):
                others[name] = "a link to no file" if entry.is_symlink() else "no regular file"
            elif os.path.splitext(name)[1].lower() in UNREAD:
                others[name] = "images of this format are not read; save them as PNG or JPEG"
            elif looks_like_image(entry.path):
                found.append(name)
    return sorted(found), others


def printable(name: str) -> str:
    """Write a file's name so that it can be printed in one line and saved as UTF-8; most names stay as they are."""
    if name.isprintable():
        return name
    text = os.fsencode(name).decode(errors="backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def state_of(folder: Path, names: Iterable[str]) -> str:
    """Hash files' names, sizes and times of change; a file that is not there counts as such."""
    digest = hashlib.sha256()
    for name in names:
        try:
            stat = os.stat(f"{folder}/{name}")
            seen = f"{stat.st_size}/{stat.st_mtime_ns}"
        except OSError:
            seen = "absent"
        digest.update(f"{name}\0{seen}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def check_some(photos: Sequence[Photo], where: str, others: Mapping[str, str] = MappingProxyType({})) -> None:
    """Refuse a source without photos, with what else it holds, or one of which several files were tried and not one can
    be read."""
    if not photos:
        known = [(printable(name), reason) for name, reason in sorted(others.items())]
        left_out = f"; left out: {listed(known)}" if known else ""
        raise SettingError(f"{where}: there are no images in it, nor in its sub-folders{left_out}")
    bad = []
    for photo in photos[:: max(1, len(photos) // TRIED)]:
        try:
            read_image(photo.path)
            return
        except UnreadableImage as reason:
            bad.append((photo.name, str(reason)))
    raise SettingError(f"{where}: none of {len(bad)} files tried is a readable image: {listed(bad)}")


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
    """Split photos with their checksums into train and held-out, class by class, by order of checksum.

    The split depends on the files' bytes and on nothing else: not on names, order or a seed. Each class of
    two photos or more has one at least on either side.
    """
    train, held = [], []
    for label in sorted({photo.label for photo, _ in photos}, key=lambda label: (label is not None, label)):
        group = sorted((digest, photo.name, photo) for photo, digest in photos if photo.label == label)
        cut = min(max(1, round(heldout * len(group))), len(group) - 1)
        held += [photo for _, _, photo in group[:cut]]
        train += [photo for _, _, photo in group[cut:]]
    return sorted(train, key=lambda p: p.name), sorted(held, key=lambda p: p.name)


def chunks(
    photos: Sequence[Photo],
    findings: Findings,
    *,
    resolution: int,
    fit: Fit,
    grey: bool,
    max_pixels: int,
    white: int = WHITE,
    margin: float | None = None,
) -> Iterator[Images]:
    """Yield photos as square images, in order; unreadable ones are left out and noted in the findings.

    The factor `source` is the name of each image's file. With a margin, only the square around each photo's
    box is used.
    """

    def one(photo: Photo) -> np.ndarray | None:
        image = findings.read(photo, grey=grey, max_pixels=max_pixels, white=white)
        if image is None:
            return None
        if min(image.size) < resolution:
            findings.note("enlarged")
        if fit == "crop" and photo.box is None and max(image.size) > MUCH_LONGER * min(image.size):
            findings.note(CROPPED)
        box = square_around(photo.box, image.size, margin) if photo.box and margin is not None else None
        return to_square(image, resolution, fit, box)

    def several(piece: Sequence[Photo]) -> Images:
        read = [(photo, pixels) for photo in piece if (pixels := one(photo)) is not None]
        images = np.zeros((len(read), resolution, resolution, 1 if grey else 3), np.uint8)
        for row, (_, pixels) in enumerate(read):
            images[row] = pixels
        labelled = piece[0].label is not None
        labels = np.array([photo.label for photo, _ in read], np.int64) if labelled else None
        return Images(images, labels, {"source": np.array([photo.name for photo, _ in read], np.str_)})

    return in_order(several, pieces(photos, CHUNK))


def _sha256(photo: Photo) -> str:
    """Checksum of a photo's file; empty and unopenable files are told apart by name: reading reports them."""
    try:
        with open(photo.path, "rb") as file:
            if os.fstat(file.fileno()).st_size:
                return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        logger.debug("No checksum of %s: %s", photo.name, error)
    return hashlib.sha256(photo.name.encode(errors="surrogateescape")).hexdigest()
