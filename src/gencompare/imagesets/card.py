"""What is measured of a prepared image set for its card, and its contact sheet."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gencompare.imagesets.arrays import Images
from gencompare.imagesets.chunks import spans
from gencompare.imagesets.pictures import single

SHEET_ROWS, SHEET_COLUMNS = 8, 12
SMALLEST_CELL, LARGEST_CELL = 64, 128
GAP, LINE = 2, 19


class Tally:
    """Counts, checksum and statistics of one split, taken chunk by chunk.

    The checksum is sha256 over the image bytes in order, then over the labels' (int64, little-endian).
    """

    def __init__(self) -> None:
        self.count = 0
        self._levels = np.zeros((3, 256), np.int64)
        self._channels = 0
        self._labels: list[np.ndarray] = []
        self._digest = hashlib.sha256()
        self._each: list[bytes] = []

    def add(self, chunk: Images) -> None:
        """Take the next chunk of the split in."""
        self.count += len(chunk)
        images = np.ascontiguousarray(chunk.images)
        self._digest.update(images.data)
        self._each += [hashlib.blake2b(image, digest_size=16).digest() for image in images]
        if chunk.labels is not None:
            self._labels.append(chunk.labels)
        _, height, width, channels = chunk.images.shape
        self._channels = channels
        for start, stop in spans(len(chunk), max(1, 2**24 // (height * width))):  # calcHist counts in float32
            rows = chunk.images[start:stop].reshape(-1, width, channels)
            for channel in range(channels):
                self._levels[channel] += _histogram(rows, channel)

    def summary(self, classes: list[str]) -> dict[str, Any]:
        """Count, sha256, mean and deviation per channel and the greatest level (0 to 255), and images per class."""
        digest = self._digest.copy()
        labels = np.concatenate(self._labels) if self._labels else np.zeros(0, np.int64)
        digest.update(labels.astype("<i8").tobytes())
        counts = np.bincount(labels, minlength=len(classes)).tolist()
        return {
            "count": self.count,
            "sha256": digest.hexdigest(),
            **self._moments(),
            "greatest": int(np.flatnonzero(self._levels.sum(axis=0))[-1]),
            "per_class": dict(zip(classes, counts, strict=True)) if classes else {},
        }

    def found_in(self, other: Tally) -> int:
        """How many images of this split are, pixel by pixel, among those of another one."""
        known = set(other._each)
        return sum(image in known for image in self._each)

    def _moments(self) -> dict[str, list[float]]:
        total = int(self._levels[0].sum())
        means, deviations = [], []
        for levels in self._levels[: self._channels].tolist():
            first = sum(v * n for v, n in enumerate(levels))
            second = sum(v * v * n for v, n in enumerate(levels))
            means.append(first / total)
            deviations.append(math.sqrt(second * total - first * first) / total)
        return {"mean": means, "deviation": deviations}


def contact_sheet(images: Images, caption: Sequence[str] = ()) -> Image.Image:
    """A grid of images taken evenly over the split; where there are labels, ordered by class.

    Args:
        images: the split; an empty one gives the caption alone.
        caption: lines of text above the grid.
    """
    shown = min(len(images), SHEET_ROWS * SHEET_COLUMNS)
    order = np.arange(len(images)) if images.labels is None else np.argsort(images.labels, kind="stable")
    chosen = order[np.linspace(0, len(images) - 1, shown).round().astype(int)]
    side = images.images.shape[1]
    cell = min(LARGEST_CELL, side * max(1, SMALLEST_CELL // side))
    resample = Image.Resampling.BICUBIC if cell < side else Image.Resampling.NEAREST
    step, top = cell + GAP, LINE * len(caption) + GAP
    sheet = Image.new(
        "RGB", (SHEET_COLUMNS * step + GAP, math.ceil(shown / SHEET_COLUMNS) * step + top), "white"
    )
    for k, index in enumerate(chosen):
        image = single(np.asarray(images.images[index]))
        place = (k % SHEET_COLUMNS * step + GAP, k // SHEET_COLUMNS * step + top)
        sheet.paste(image.resize((cell, cell), resample), place)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    for line, text in enumerate(caption):
        draw.text((GAP + 4, GAP + line * LINE), text, fill="black", font=font)
    return sheet


def caption(card: Mapping[str, Any]) -> list[str]:
    """The card in a few lines, to stand above the contact sheet."""
    size, counts, train = card["resolution"], card["counts"], card["splits"]["train"]
    kind = "grey" if card["channels"] == 1 else "colour"
    classes = f", {len(card['classes'])} classes" if card["classes"] else ""
    left_out = card.get("unreadable", {}).get("count", 0)
    sides = card.get("shorter_side")
    sizes = (
        f"; from {sides['least']} to {sides['greatest']} pixels, half below {sides['median']}"
        if sides
        else ""
    )
    return [
        f"{card['folder']}: {counts['train']:,} train, {counts['heldout']:,} held out, {size}x{size} {kind}{classes}",
        f"source: {card['source']}{sizes}",
        f"licence: {card['licence']}",
        f"mean {_numbers(train['mean'])}, deviation {_numbers(train['deviation'])} of 255; "
        f"train sha256 {card['sha256']['train'][:12]}"
        + (f"; {left_out} unreadable files" if left_out else ""),
    ]


def _numbers(values: Sequence[float]) -> str:
    return " ".join(f"{value:.1f}" for value in values)


def _histogram(rows: np.ndarray, channel: int) -> np.ndarray:
    import cv2

    counts = cv2.calcHist([rows], [channel], None, [256], [0, 256])
    return counts.ravel().astype(np.int64)
