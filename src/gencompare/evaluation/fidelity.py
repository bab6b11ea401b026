"""Fidelity and diversity apart: precision, recall, density, coverage."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gencompare.evaluation.resampling import Subsets, mean

LIMIT = 10_000  # images on each side: the matrices of distances are this size squared


def fidelity_and_diversity(
    samples: np.ndarray, reference: np.ndarray, k: int, over: Subsets
) -> dict[str, np.ndarray]:
    """Precision, recall, density and coverage, for each subset of the samples.

    An image's ball reaches to its k-th nearest neighbour in its own cloud. Precision: share of samples within
    a ball of the reference. Recall: share of the reference within a ball of the samples. Density: how many of
    the reference's balls a sample lies in, over k (may exceed 1). Coverage: share of the reference with a
    sample in its ball.

    Args:
        samples: (N, D) features.
        reference: (M, D) features, M > k.
        k: neighbourhood, at least 1.
        over: index arrays into the samples, each longer than k.

    Returns:
        float64 (len(over),) under `precision`, `recall`, `density` and `coverage`.

    Source: Kynkäänniemi et al., "Improved precision and recall metric" (2019), equations 1 to 3;
        Naeem et al., "Reliable fidelity and diversity metrics" (2020), equations 3 and 5.
    """
    centre = reference.mean(axis=0)
    samples, reference = samples - centre, reference - centre  # smaller numbers, less rounding
    apart = _distances(reference, samples)
    reach = np.partition(_distances(reference, reference), k, axis=1)[:, k]
    inside: NDArray[np.bool_] = apart <= reach[:, None]
    order, nearest = _nearest(_distances(samples, samples), 16 * k)
    recall, coverage = [], []
    for chosen in over:
        member = np.zeros(len(samples), bool)
        member[chosen] = True
        own_reach = nearest[np.arange(len(samples)), _position_of(k, member[order])]
        recall.append((apart[:, chosen] <= own_reach[chosen]).any(axis=1).mean())
        coverage.append(inside[:, chosen].any(axis=1).mean())
    return {
        "precision": mean(np.any(inside, axis=0), over),
        "recall": np.array(recall),
        "density": mean(inside.sum(axis=0) / k, over),
        "coverage": np.array(coverage),
    }


def directions(features: np.ndarray) -> np.ndarray:
    """Bring features (N, D) to length 1, so that they are compared by direction alone; none stay none.

    A set that excites few features, such as noise, blur or what an untrained network makes, lies near the middle
    of the cloud, and in many dimensions the middle is nearer to everything than real images are to each other:
    by plain distance its precision is above theirs. Measured on five image sets in docs/evaluation.md.

    Source: that the middle is a hub, Radovanović et al., "Hubs in space" (2010); that precision fails by it,
        Khayatkhoei and AbdAlmageed, "Emergent asymmetry of precision and recall" (2023).
    """
    found: np.ndarray = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-6)
    return found


def _nearest(distances: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Which `count` others are nearest to each point, and how near, both (N, count), nearest first."""
    np.fill_diagonal(distances, np.inf)
    count = min(count, len(distances) - 1)
    order = np.argpartition(distances, count - 1, axis=1)[:, :count]
    near = np.take_along_axis(distances, order, axis=1)
    rank = np.argsort(near, axis=1, kind="stable")
    return np.take_along_axis(order, rank, axis=1), np.take_along_axis(near, rank, axis=1)


def _position_of(k: int, present: np.ndarray) -> np.ndarray:
    """Where in each row the k-th present one stands; the last where fewer are."""
    reached = present.cumsum(axis=1) >= k
    return np.where(reached.any(axis=1), reached.argmax(axis=1), present.shape[1] - 1)


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Euclidean distances, float32 (len(a), len(b))."""
    squares = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1) - 2 * (a @ b.T)
    return np.sqrt(np.maximum(squares, 0.0)).astype(np.float32)
