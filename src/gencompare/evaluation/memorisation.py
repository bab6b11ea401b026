"""Memorisation: samples that stand out as near to one training image.

Plain distance would accuse every blurred sample, for a blurred image is near to many. So a sample's
distance to its nearest training image is divided by its mean distance to its neighbourhood, as in
Carlini et al., "Extracting training data from diffusion models" (arXiv:2301.13188).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gencompare.imagesets.arrays import Images
from gencompare.imagesets.resizing import averaged_down

FINEST = 32  # images with more pixels a side are averaged down before they are compared
NEIGHBOURHOOD = 50
CHUNK = 4096
ROWS = 2048
RARE = 0.01  # share of real held-out images that lie below the threshold
BLUNT = 0.2  # a threshold below this means near copies among the held-out images: elsewhere it is above 0.3
SHOWN = 3
MEASURED_BY = {
    "distance": "Euclidean on pixels",
    "resize": f"area average to at most {FINEST} x {FINEST}",
    "relative_to": f"mean of the nearest {NEIGHBOURHOOD} training images",
    "rare": RARE,
}


@dataclass(frozen=True)
class Neighbours:
    """Training images near to each of N samples.

    Attributes:
        nearest: int64 (N, SHOWN), indices of the nearest training images, nearest first, one a source.
        relative: float64 (N,), distance to the nearest over the neighbourhood's mean distance: 0 for a
            copy, towards 1 for an image that is no nearer to one than to others.
    """

    nearest: np.ndarray
    relative: np.ndarray


def neighbours(samples: np.ndarray, train: Images) -> Neighbours:
    """Find the training images nearest to each sample.

    Where the training images have a factor `source`, augmented copies of one source count once.

    Args:
        samples: uint8 (N, H, W, C).
        train: all training images, of the same shape.
    """
    sources = np.unique(train.factors.get("source", np.arange(len(train))), return_inverse=True)[1]
    copies = -(-len(train) // (sources.max() + 1))  # of each source, on average
    wanted = min(NEIGHBOURHOOD * copies, len(train))
    shown, relative = [], []
    for start in range(0, len(samples), ROWS):
        near = _nearest(_descriptors(samples[start : start + ROWS]), train.images, wanted)
        for row, far in zip(*near, strict=True):
            first = np.sort(np.unique(sources[row], return_index=True)[1])
            shown.append(np.resize(row[first], SHOWN))
            relative.append(far[0] / max(far[first[:NEIGHBOURHOOD]].mean(), 1e-6))
    return Neighbours(np.stack(shown), np.array(relative))


def threshold(relative: np.ndarray) -> float:
    """Below this relative distance lie RARE of the real images it is given."""
    return float(np.quantile(relative, RARE))


def panels(found: Neighbours, count: int = 16) -> dict[str, Any]:
    """The samples most like a copy, first the worst, and their nearest training images. JSON-ready."""
    worst = np.argsort(found.relative, kind="stable")[:count]
    return {
        "samples": worst.tolist(),
        "nearest": found.nearest[worst].tolist(),
        "relative_distance": [round(float(r), 4) for r in found.relative[worst]],
    }


def _descriptors(images: np.ndarray) -> NDArray[np.float32]:
    return averaged_down(images, FINEST).reshape(len(images), -1)


def _nearest(samples: NDArray[np.float32], train: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices and distances (N, count) of the nearest training images, nearest first."""
    own = np.square(samples).sum(axis=1)[:, None]
    index = np.zeros((len(samples), 0), np.int64)
    squares = np.zeros((len(samples), 0), np.float32)
    for start in range(0, len(train), CHUNK):
        chunk = _descriptors(np.asarray(train[start : start + CHUNK]))
        found = own + np.square(chunk).sum(axis=1) - 2 * (samples @ chunk.T)
        index = np.concatenate([index, np.broadcast_to(np.arange(start, start + len(chunk)), found.shape)], 1)
        squares = np.concatenate([squares, found], axis=1)
        kept = np.argpartition(squares, min(count, squares.shape[1]) - 1, axis=1)[:, :count]
        index, squares = np.take_along_axis(index, kept, 1), np.take_along_axis(squares, kept, 1)
    order = np.lexsort((index, squares), axis=1)
    squares = np.maximum(np.take_along_axis(squares, order, 1), 0.0)
    return np.take_along_axis(index, order, 1), np.sqrt(squares.astype(np.float64))
