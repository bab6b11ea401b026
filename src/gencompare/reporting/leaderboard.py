"""The leaderboard of all published results: who is best at which budget, and who is first at a bar."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gencompare.reporting.curves import Curve, over_seeds
from gencompare.reporting.formatting import MISSING, duration, listed
from gencompare.reporting.summary import markdown_table
from gencompare.reporting.tables import Cell

BUDGETS = (60.0, 600.0, 3600.0)
"""Seconds of training at which the leaderboard looks."""
BARS = (0.5, 0.25, 0.1, 0.05)
"""Shares of noise's distance that the leaderboard asks how soon they are reached."""
POINTS = (
    "Looked at where curves were measured, at each contender's mean over its seeds and their 95% interval; of one seed that "
    "is over samples alone, and another seed may change the order. Diffusion models and flows with a sampler of few steps."
)
SAME_MEASURE = ("measures", "extractor", "weights_sha256", "resize", "grey", "reference", "seed")
"""What two distances of curves must have in common to stand side by side."""


@dataclass(frozen=True)
class Point:
    """A contender on its way: its distance with its 95% interval, and noise's, after some seconds of training."""

    name: str
    seconds: float
    value: float
    low: float
    high: float
    noise: float


def leaderboard(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return its sections in Markdown, from the facts of each result."""
    known = _points(results)
    budgets, bars = (
        [f"within {duration(budget)}" for budget in BUDGETS],
        [f"{bar:g} of noise" for bar in BARS],
    )
    return [
        "## Best by budget",
        "Whose samples are nearest to training images after so much training, of one core each where it was a CPU, by the "
        "kernel distance along the curves (less is better), and whose interval overlaps with theirs. "
        f"{POINTS} Image sets do not compare with each other.",
        markdown_table(["image set", *budgets], _leaders(known)),
        "## Time to a bar",
        "Whose interval is first as a whole below so small a share of the distance that uniform noise has, by the same curves, "
        f"and after how much training. {POINTS}",
        markdown_table(["image set", *bars], _soonest(known)),
    ]


def _points(results: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Point]]]:
    """For each image set and measure its name, and the points of all curves but their untrained beginnings."""
    points: dict[tuple[str, str], list[Point]] = {}
    for facts in results:
        for name, found in facts["curves"].items():
            # Pages written earlier have the curve of the first seed alone.
            curve = over_seeds([found] if isinstance(found, Mapping) else found)
            if curve is not None:
                measure = json.dumps([facts["images"], *(curve.passport.get(key) for key in SAME_MEASURE)])
                points.setdefault((facts["image_set"], measure), []).extend(_trained(name, curve))
    return [(image_set, known) for (image_set, _), known in sorted(points.items())]


def _trained(name: str, curve: Curve) -> list[Point]:
    each = zip(curve.spent["train_seconds"], curve.values, curve.lows, curve.highs, strict=True)
    return [Point(name, *numbers, curve.noise) for numbers in each][1:]


def _leaders(known: Sequence[tuple[str, Sequence[Point]]]) -> list[list[str]]:
    """For each image set and measure, who has the least distance within each budget, and who may be as good."""
    return [
        [image_set, *(_best([one for one in points if one.seconds <= budget]) for budget in BUDGETS)]
        for image_set, points in known
    ]


def _best(points: Sequence[Point]) -> str:
    own: dict[str, Point] = {}
    for point in sorted(points, key=lambda point: point.value):
        own.setdefault(point.name, point)
    if not own:
        return MISSING
    first, *others = own.values()
    level = [one.name for one in others if one.low <= first.high]
    cell = Cell(first.value, first.low, first.high)
    said = f"{first.name} {cell.plus_minus} ({duration(first.seconds)})"
    return said + (f"; {listed(level)} may be as good" if level else "")


def _soonest(known: Sequence[tuple[str, Sequence[Point]]]) -> list[list[str]]:
    """For each image set and measure, the contender that is first surely at each bar."""
    rows = []
    for image_set, points in known:
        over = [[one for one in points if one.high <= bar * one.noise] for bar in BARS]
        first = [min(some, key=lambda point: point.seconds, default=None) for some in over]
        rows.append(
            [image_set, *(f"{one.name} ({duration(one.seconds)})" if one else MISSING for one in first)]
        )
    return rows
