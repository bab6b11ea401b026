"""How probable it is that a contender is the best: one resampling over training seeds and samples.

A contender's true score is drawn from what its seeds leave open: its mean, and Student's distribution with the scatter
of the seeds; or, where it is wider or there is one seed, the normal distribution of the scatter of samples.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

DRAWS = 10_000

Seeds = Sequence[tuple[float, float]]
"""One contender's value and standard error for each seed."""


def draws(contenders: Mapping[str, Seeds], rng: np.random.Generator) -> np.ndarray:
    """Draw true scores: float64 (DRAWS, contenders)."""
    columns = []
    for seeds in contenders.values():
        values, errors = (np.array(part) for part in zip(*seeds, strict=True))
        within = math.sqrt(float(np.mean(errors**2)) / len(values))
        if len(values) == 1:
            columns.append(values[0] + within * rng.standard_normal(DRAWS))
            continue
        between = float(values.std(ddof=1)) / math.sqrt(len(values))
        columns.append(values.mean() + max(within, between) * rng.standard_t(len(values) - 1, DRAWS))
    return np.stack(columns, axis=1)


def best(scores: Mapping[str, tuple[str, Mapping[str, Seeds]]], seed: int = 0) -> dict[str, dict[str, float]]:
    """Return for each score, and for `together`, how probably each contender is the best.

    Together the best is whose mean rank over the scores is least; contenders without one of the scores are left out
    there, and ties are shared.

    Args:
        scores: for each, `lower` or `higher` is better, and its values by contender.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    common = [
        name for name in next(iter(scores.values()))[1] if all(name in own for _, own in scores.values())
    ]
    total = np.zeros((DRAWS, len(common)))
    found = {}
    for score, (better, contenders) in scores.items():
        if not contenders:
            continue
        drawn = draws(contenders, rng) * (1 if better == "lower" else -1)
        found[score] = _shares(list(contenders), drawn)
        places = [list(contenders).index(name) for name in common]
        total += drawn[:, places].argsort(axis=1).argsort(axis=1)
    if common:
        found["together"] = _shares(common, total)
    return found


def of_order(contenders: Mapping[str, Seeds], better: str) -> float:
    """Return how probably the true scores of contenders stand in the order in which these are given, the best first.

    Args:
        contenders: the values of each.
        better: `lower` or `higher`.
    """
    drawn = draws(contenders, np.random.default_rng(0)) * (1 if better == "lower" else -1)
    return float((np.diff(drawn, axis=1) > 0).all(axis=1).mean())


def _shares(names: Sequence[str], drawn: np.ndarray) -> dict[str, float]:
    least = drawn == drawn.min(axis=1, keepdims=True)
    return dict(zip(names, (least / least.sum(axis=1, keepdims=True)).mean(axis=0).tolist(), strict=True))
