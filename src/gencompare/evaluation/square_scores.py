"""What fitted squares say of a sample set: how many are squares, and whether their factors are the generator's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gencompare.evaluation.resampling import Statistic, Subsets, mean
from gencompare.evaluation.squares import (
    AGAINST_DISC,
    FAINTEST,
    FRAME_SLACK,
    SIDE_SLACK,
    UNEXPLAINED,
    SquareFit,
    fit_squares,
)
from gencompare.imagesets.arrays import ImageSplits

QUARTER = np.pi / 2  # a square turned by this is the same square
BINS = 4  # for each number; a factor of two numbers has BINS² bins
MEASURED_BY = {
    "fit": "least squares",
    "unexplained_below": UNEXPLAINED,
    "of_disc_below": AGAINST_DISC,
    "colour_above": FAINTEST,
    "side_slack": SIDE_SLACK,
    "frame_slack": FRAME_SLACK,
    "bins": BINS,
}

Factors = Mapping[str, np.ndarray]


def square_statistic(
    images: np.ndarray, splits: ImageSplits, split: str = "heldout"
) -> tuple[Statistic, dict[str, Any]]:
    """Fit squares to images and return their scores against a split, with what goes into their passport.

    The statistic gives `squares_valid`, the share of images that are one square; for each factor
    `squares_<factor>_distance`, the first Wasserstein distance between the valid squares' factors and the
    real ones', as a share of the real ones' range (1 where fewer than two are valid); and
    `squares_coverage`, the share of factor bins that real squares reach in which a valid square lies.
    """
    fit = fit_squares(images, tuple(splits.card["generator"]["side"]))
    real = getattr(splits, split).factors
    made = {"colour": fit.colour, "side": fit.side, "angle": fit.angle, "place": fit.centre}
    wanted = {"colour": real["colour"], "side": real["side"], "angle": real["angle"], "place": real["centre"]}
    distances = {name: _distance_of(name, made[name], wanted[name], fit) for name in made}
    made_bins, reached = _bins(made, wanted)

    def coverage(chosen: np.ndarray) -> float:
        return float(np.isin(reached, made_bins[chosen[fit.valid[chosen]]]).mean())

    def statistic(over: Subsets) -> dict[str, np.ndarray]:
        return {
            "squares_valid": mean(fit.valid, over),
            **{f"squares_{name}_distance": np.array([of(s) for s in over]) for name, of in distances.items()},
            "squares_coverage": np.array([coverage(s) for s in over]),
        }

    return statistic, MEASURED_BY


def _distance_of(name: str, made: np.ndarray, real: np.ndarray, fit: SquareFit) -> Any:
    made, real = made.reshape(len(made), -1), real.reshape(len(real), -1).astype(np.float64)

    def distance(chosen: np.ndarray) -> float:
        squares = made[chosen[fit.valid[chosen]]]
        if len(squares) < 2:
            return 1.0
        if name == "angle":
            return wasserstein(squares[:, 0], real[:, 0], QUARTER) / QUARTER
        ranges = np.maximum(np.ptp(real, axis=0), 1e-6)
        each = [wasserstein(squares[:, i], real[:, i]) / ranges[i] for i in range(real.shape[1])]
        return float(min(1.0, np.mean(each)))

    return distance


def wasserstein(a: np.ndarray, b: np.ndarray, period: float | None = None) -> float:
    """First Wasserstein distance of two samples, float64 (N,) and (M,), on the line or on a circle.

    Source: on the circle, Rabin, Delon and Gousseau, "Transportation distances on the circle" (2011),
        equation 8: the difference of the distribution functions, shifted by its median.
    """
    if period is not None:
        a, b = a % period, b % period
    places = np.sort(np.concatenate([a, b]))
    widths = np.diff(places, append=places[-1] if period is None else places[0] + period)
    apart = np.searchsorted(np.sort(a), places, side="right") / len(a)
    apart = apart - np.searchsorted(np.sort(b), places, side="right") / len(b)
    if period is not None:
        order = np.argsort(apart)
        apart = apart - apart[order][np.searchsorted(np.cumsum(widths[order]), period / 2)]
    return float(np.sum(widths * np.abs(apart)))


def _bins(made: Factors, real: Factors) -> tuple[np.ndarray, np.ndarray]:
    """Bins of colour, of place, and of side with angle: for each made square (N, 3), and those reached (R,)."""
    pairs = [("colour",), ("place",), ("side", "angle")]
    made_bins, reached = [], []
    for number, names in enumerate(pairs):
        ours = np.concatenate([made[n].reshape(len(made[n]), -1) for n in names], axis=1)
        theirs = np.concatenate([real[n].reshape(len(real[n]), -1) for n in names], axis=1)
        edges = np.quantile(theirs, np.linspace(0, 1, BINS + 1)[1:-1], axis=0)
        made_bins.append(_bin_number(ours, edges) + number * BINS**4)
        reached.append(np.unique(_bin_number(theirs, edges)) + number * BINS**4)
    return np.stack(made_bins, axis=1), np.concatenate(reached)


def _bin_number(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    number = np.zeros(len(values), np.int64)
    for column, bounds in enumerate(edges.T):
        number = number * BINS + np.searchsorted(bounds, values[:, column])
    return number
