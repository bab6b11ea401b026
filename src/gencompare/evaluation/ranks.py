"""Ranks that admit doubt: who cannot be told apart shares one."""

from __future__ import annotations

from collections.abc import Mapping

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
