"""Ranks that admit doubt: who cannot be told apart shares one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import permutations
from typing import NamedTuple

Interval = tuple[float | None, float | None]
"""The ends, low and high, of what a score may be; None where they are not known."""


def surely_better(one: Interval, other: Interval, better: str) -> bool:
    """Return whether the whole of one interval lies on the better side of the other; False where an end is missing.

    Args:
        one, other: the intervals.
        better: `lower` or `higher`.
    """
    end, start = (one[1], other[0]) if better == "lower" else (other[1], one[0])
    return end is not None and start is not None and end < start


def ranks(
    intervals: Mapping[str, Interval], better: str, only_worse_than: Interval | None = None
) -> dict[str, int]:
    """Return, for each name, one more than the number of others that are surely better.

    Args:
        intervals: of each name.
        better: `lower` or `higher`.
        only_worse_than: where given, those that are not surely worse than this get no rank.
    """
    return {
        name: 1 + sum(surely_better(other, own, better) for other in intervals.values())
        for name, own in intervals.items()
        if only_worse_than is None or surely_better(only_worse_than, own, better)
    }


class Agreement(NamedTuple):
    """Of all pairs of names, how many two scores put in the same order, which (better by the first, the other) in
    opposite ones, and how many at least one of them does not tell apart."""

    same: int
    opposite: list[tuple[str, str]]
    undecided: int


def agreement(first: Mapping[str, Interval], second: Mapping[str, Interval], better: str) -> Agreement:
    """Hold the orders by two scores against each other, over the names that have both.

    Args:
        first, second: the intervals of each name.
        better: `lower` or `higher`, for both.
    """
    both = [name for name in first if name in second]
    ordered = [
        pair for pair in permutations(both, 2) if surely_better(first[pair[0]], first[pair[1]], better)
    ]
    same = sum(surely_better(second[one], second[other], better) for one, other in ordered)
    opposite = [(one, other) for one, other in ordered if surely_better(second[other], second[one], better)]
    return Agreement(same, opposite, math.comb(len(both), 2) - same - len(opposite))
