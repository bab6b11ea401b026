"""Which scores are of no use on an image set: those that a plain fault of its real images does not surely worsen.

With few images, or with pictures that an extractor does not understand, a score may not tell a real photo from its
blurred likeness. Nobody can know that beforehand for images that nobody has seen, so it is tried on each image set.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import cv2
import numpy as np

from gencompare.evaluation.kinds import KINDS
from gencompare.evaluation.ranks import surely_better

TIMES = 4


def coarse(images: np.ndarray, times: int = TIMES) -> np.ndarray:
    """Images (N, R, R, C), uint8, averaged down so many times and brought back to their size."""
    size = images.shape[1]
    down = [cv2.resize(image, (size // times,) * 2, interpolation=cv2.INTER_AREA) for image in images]
    back = [cv2.resize(image, (size, size), interpolation=cv2.INTER_CUBIC) for image in down]
    return np.stack(back).reshape(images.shape)


def blind(real: Mapping[str, Any], faulty: Iterable[Mapping[str, Any]]) -> list[str]:
    """Name the scores that do not find every faulty set surely worse than real images.

    Those that only accuse (`only_worse` of KINDS) are not asked: who copies nothing is no better for it.

    Args:
        real, faulty: {name of a score: {low, high, better, kind}}, of real images and of each faulty set.
    """
    sets = list(faulty)
    return [
        name
        for name, one in real.items()
        if not KINDS[one["kind"]].only_worse
        and not all(surely_better(_ends(one), _ends(other[name]), one["better"]) for other in sets)
    ]


def _ends(score: Mapping[str, Any]) -> tuple[float, float]:
    return score["low"], score["high"]
