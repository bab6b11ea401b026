"""What is measured of a prepared image set for its card, and its contact sheet."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import cv2
import numpy as np
from PIL import Image

from gencompare.imagesets.arrays import Images
from gencompare.imagesets.chunks import spans

SHEET_ROWS, SHEET_COLUMNS = 8, 12
SMALLEST_CELL, LARGEST_CELL = 64, 128


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

    def add(self, chunk: Images) -> None:
        """Take the next chunk of the split in."""
        self.count += len(chunk)
        self._digest.update(np.ascontiguousarray(chunk.images).data)
        if chunk.labels is not None:
            self._labels.append(chunk.labels)
        _, height, width, channels = chunk.images.shape
        self._channels = channels
        for start, stop in spans(len(chunk), max(1, 2**24 // (height * width))):  # calcHist counts in float32
            rows = chunk.images[start:stop].reshape(-1, width, channels)
            for channel in range(channels):
                self._levels[channel] += _histogram(rows, channel)

    def summary(self, classes: list[str]) -> dict[str, Any]:
        """Count, sha256, mean and deviation per channel (0 to 255), and images per class."""
        digest = self._digest.copy()
        labels = np.concatenate(self._labels) if self._labels else np.zeros(0, np.int64)
        digest.update(labels.astype("<i8").tobytes())
        counts = np.bincount(labels, minlength=len(classes)).tolist()
        return {
            "count": self.count,
            "sha256": digest.hexdigest(),
            **self._moments(),
            "per_class": dict(zip(classes, counts, strict=True)) if classes else {},
        }

    def _moments(self) -> dict[str, list[float]]:
        total = int(self._levels[0].sum())
        means, deviations = [], []
        for levels in self._levels[: self._channels].tolist():
            first = sum(v * n for v, n in enumerate(levels))
            second = sum(v * v * n for v, n in enumerate(levels))
            means.append(first / total)
            deviations.append(math.sqrt(second * total - first * first) / total)
        return {"mean": means, "deviation": deviations}


def contact_sheet(images: Images) -> Image.Image:
    """A grid of images taken evenly over the split; where there are labels, ordered by class."""
    shown = min(len(images), SHEET_ROWS * SHEET_COLUMNS)
    order = np.arange(len(images)) if images.labels is None else np.argsort(images.labels, kind="stable")
    chosen = order[np.linspace(0, len(images) - 1, shown).round().astype(int)]
    columns = min(SHEET_COLUMNS, shown)
    side = images.images.shape[1]
    cell = min(LARGEST_CELL, side * max(1, SMALLEST_CELL // side))
    resample = Image.Resampling.BICUBIC if cell < side else Image.Resampling.NEAREST
    step = cell + 2
    sheet = Image.new("RGB", (columns * step + 2, math.ceil(shown / columns) * step + 2), "white")
    for k, index in enumerate(chosen):
        pixels = np.asarray(images.images[index])
        image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
        sheet.paste(image.resize((cell, cell), resample), (k % columns * step + 2, k // columns * step + 2))
    return sheet


def _histogram(rows: np.ndarray, channel: int) -> np.ndarray:
    counts = cv2.calcHist([rows], [channel], None, [256], [0, 256])
    return counts.ravel().astype(np.int64)
