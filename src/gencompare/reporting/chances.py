"""How probable it is that a contender is the best: one resampling over training seeds and samples.

A contender's true score is drawn from what its seeds leave open, as its interval says it: its mean, and the normal distribution
with the scatter of samples, or with several seeds Student's with the scatter of seeds where that is wider; and the normal one
with the scatter of what the seeds have in common, such as the real images.

Of one contender all scores are drawn together, good luck in one being good luck in all: they come from the same seeds and
samples, and a second score that says the same as the first makes nobody surer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gencompare.evaluation.resampling import spread

DRAWS = 10_000

Seeds = Sequence[tuple[float, float] | tuple[float, float, float]]
"""One contender's value, standard error, and the part of that which its seeds have in common, for each seed."""


def draws(contenders: Mapping[str, Seeds], better: str, seed: int = 0) -> np.ndarray:
    """Draw true scores, turned so that less is better: float64 (DRAWS, contenders).

    The luck of the contender at each place is the same for every score that is drawn with this seed.
    """
    rng, columns = np.random.default_rng(seed), []
    sign = 1 if better == "lower" else -1
    for seeds in contenders.values():
        left = spread(*(np.array(part) for part in zip(*seeds, strict=True)))
        normal, common = rng.standard_normal((2, DRAWS))
        student = rng.standard_t(max(left.seeds - 1, 1), DRAWS)
        own = left.within * normal if left.by_samples else left.between * student
        columns.append(sign * left.mean + own + left.shared * common)
    return np.stack(columns, axis=1)


def best(scores: Mapping[str, tuple[str, Mapping[str, Seeds]]], seed: int = 0) -> dict[str, dict[str, float]]:
    """Return for each score, and for `together`, how probably each contender is the best.

    Together the best is whose mean rank is least, over the scores that every contender has; who is level shares a rank.

    Args:
        scores: for each, `lower` or `higher` is better, and its values by contender.
        seed: of the draws.
    """
    from scipy.stats import rankdata  # a second of start-up of every command

    every = list(dict.fromkeys(name for _, contenders in scores.values() for name in contenders))
    total, found = np.zeros((DRAWS, len(every))), {}
    for score, (better, contenders) in scores.items():
        if not contenders:
            continue
        drawn = draws({name: contenders[name] for name in every if name in contenders}, better, seed)
        found[score] = _shares([name for name in every if name in contenders], drawn)
        if len(contenders) == len(every):
            total += rankdata(drawn, axis=1)
    if total.any():
        found["together"] = _shares(every, total)
    return found


def of_order(contenders: Mapping[str, Seeds], better: str) -> float:
    """Return how probably the true scores of contenders stand in the order in which these are given, the best first.

    Args:
        contenders: the values of each.
        better: `lower` or `higher`.
    """
    drawn = draws(contenders, better)
    return float((np.diff(drawn, axis=1) > 0).all(axis=1).mean())


def _shares(names: Sequence[str], drawn: np.ndarray) -> dict[str, float]:
    least = drawn == drawn.min(axis=1, keepdims=True)
    return dict(zip(names, (least / least.sum(axis=1, keepdims=True)).mean(axis=0).tolist(), strict=True))
