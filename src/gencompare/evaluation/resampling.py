"""How sure a score is: repeated half-samples.

A bootstrap that draws with replacement repeats images, and a repeated image is its own nearest neighbour
and lowers the rank of a covariance: every score here would be off. Half of the samples drawn *without*
replacement scatters around the full-sample score as the score itself scatters between draws of n
(Shao and Wu, "A general theory for jackknife variance estimation", 1989, with d = n / 2; for a mean this
is exact). The half-samples' own mean, which is that of a smaller n, is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

NORMAL_95 = 1.959963984540054
RARE = 10  # images; a share of fewer is not near enough to normal

Subsets = list[np.ndarray]
Statistic = Callable[[Subsets], dict[str, np.ndarray]]
"""A score as a function of which samples it is taken over: for each name, float64 (len(subsets),)."""


def subsets(n: int, count: int, seed: int) -> Subsets:
    """Return the indices of all n samples, then `count` random halves of them, each in order."""
    rng = np.random.default_rng(seed)
    return [np.arange(n)] + [np.sort(rng.permutation(n)[: n // 2]) for _ in range(count)]


def deviation(values: np.ndarray) -> float:
    """Standard error of the first value, from the half-sample values that follow it; 0 without any."""
    return float(np.std(values[1:], ddof=1)) if len(values) > 2 else 0.0


def mean(of: np.ndarray, over: Subsets) -> np.ndarray:
    """Mean of one number a sample, over each subset."""
    return np.array([of[chosen].mean() for chosen in over])


class Spread(NamedTuple):
    """A mean over seeds and its standard errors: `within`, of the samples of each; `between`, seen between seeds, 0 of one
    alone; `shared`, of what all have in common, such as the real images."""

    mean: np.ndarray
    within: np.ndarray
    between: np.ndarray
    shared: np.ndarray
    seeds: int

    @property
    def by_samples(self) -> np.ndarray:
        """Whether samples alone leave more open than seeds, by Student's distribution of so few, do."""
        return self.within * NORMAL_95 >= self.between * self._student

    @property
    def half(self) -> np.ndarray:
        """Half of the 95% interval."""
        own = np.maximum(NORMAL_95 * self.within, self._student * self.between)
        return np.hypot(own, NORMAL_95 * self.shared)

    @property
    def error(self) -> np.ndarray:
        """The standard error."""
        return np.hypot(np.maximum(self.within, self.between), self.shared)

    @property
    def _student(self) -> float:
        return float(stdtrit(self.seeds - 1, 0.975)) if self.seeds > 1 else 0.0


def spread(values: np.ndarray, errors: np.ndarray, common: np.ndarray | float = 0.0) -> Spread:
    """Say what the scores of seeds leave open. What they have in common does not shrink with their number: they do not
    scatter by it.

    Args:
        values, errors: float64 (S, ...), of each of S seeds a score and its standard error.
        common: as many, the part of that which comes of what all seeds have in common.

    Returns:
        Each float64 (...).
    """
    count, common = len(values), np.broadcast_to(common, errors.shape)
    within = np.sqrt(np.mean(np.clip(errors**2 - common**2, 0.0, None), axis=0) / count)
    between = values.std(axis=0, ddof=1) / np.sqrt(count) if count > 1 else np.zeros_like(within)
    return Spread(values.mean(axis=0), within, between, np.sqrt(np.mean(common**2, axis=0)), count)


def over_seeds(
    values: np.ndarray, errors: np.ndarray, common: np.ndarray | float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mean over seeds, half of its 95% interval and its standard error.

    The interval is Student's over seeds, or that of the samples alone where it is wider or there is one seed, and that of
    what the seeds have in common.

    Args:
        values, errors, common: see `spread`.

    Returns:
        Each float64 (...).
    """
    found = spread(values, errors, common)
    return found.mean, found.half, found.error


def rare_interval(share: float, n: int) -> tuple[float, float] | None:
    """95% interval of a share of fewer than RARE of n images, or of all but so few; None for any other.

    Half-samples that all say 0 do not say how large a share n images may have missed: 0 of 1,000 is up to 0.4 %.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference" (1927).
    """
    count = round(share * n)
    if min(count, n - count) >= RARE:
        return None
    from scipy.stats import binomtest  # a second of start-up of every command

    between = binomtest(count, n).proportion_ci(method="wilson")
    return float(between.low), float(between.high)
