"""From a contender's weights to its sampler: what it needs beside them, and which of them are chosen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gencompare.config.contender import Contender, read_contender
from gencompare.imagesets.arrays import ImageSplits
from gencompare.models.parts.shape import ImageShape
from gencompare.models.parts.weights import Weights
from gencompare.sampling.base import Sampler, fit, load
from gencompare.training.device import pick_device
from gencompare.training.validation import Point


def sampler_of_choice(
    weights: Weights, best_weights: Weights, fitted: Weights, prepared: ImageSplits, settings: dict[str, Any]
) -> Sampler:
    """Make the sampler of the weights that a contender's settings choose, the last or the best."""
    contender = read_contender(settings)
    best = contender.training.sample_from == "best"
    return ready(contender, best_weights if best else weights, ImageShape.of(prepared.card), fitted)


def ready(contender: Contender, weights: Weights, shape: ImageShape, fitted: Weights) -> Sampler:
    """Make the sampler of weights, and of what was fitted to them."""
    device = pick_device(contender.training.device)
    return load(contender.model, contender.sampler, weights, shape, fitted=fitted, device=device)


def fitted_at(
    contender: Contender,
    weights: Weights,
    points: Sequence[Point],
    place: int,
    shape: ImageShape,
    images: np.ndarray,
) -> Weights:
    """Fit the sampler of weights that were reached at one of the points to images."""
    share, device = contender.sampler.guide, pick_device(contender.training.device)
    before = {} if share is None else earlier(points, place, share).weights()
    return fit(contender.model, contender.sampler, weights, shape, images, before, device)


def earlier(points: Sequence[Point], place: int, share: float) -> Point:
    """The point before one in a training that is nearest, by ratio, to a share of it; itself where none is.

    The start, whose weights are untrained, counts as none.
    """
    wanted = share * points[place].spent["kimg"]
    return min(
        points[1:place],
        key=lambda point: abs(math.log(point.spent["kimg"] / wanted)),
        default=points[place],
    )
