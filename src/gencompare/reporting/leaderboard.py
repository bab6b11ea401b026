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
    """A contender on its way: its distance with its 95% interval, and noise's, after some seconds of training; and whether
    that is where it was first looked at."""

    name: str
    first: bool
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
        "Whose samples are nearest to training images after so much training, by the kernel distance along the curves (less is "
        f"better), and whose interval overlaps with theirs. {POINTS} Neither image sets nor devices compare with each other.",
        markdown_table(["image set", "on", *budgets], _leaders(known)),
        "## Time to a bar",
        "Whose interval is first as a whole below so small a share of the distance that uniform noise has, by the same curves, "
        f"and after how much training; by when, where it was not looked at before. {POINTS}",
        markdown_table(["image set", "on", *bars], _soonest(known)),
    ]


Known = Sequence[tuple[str, str, Sequence[Point]]]


def _points(results: Sequence[Mapping[str, Any]]) -> Known:
    """For each image set, device and measure the first two, and the points of all curves but their untrained beginnings."""
    points: dict[tuple[str, str, str], list[Point]] = {}
    for facts in results:
        for name, found in facts["curves"].items():
            # Pages written earlier have the curve of the first seed alone.
            curve = over_seeds([found] if isinstance(found, Mapping) else found)
            if curve is not None:
                measure = json.dumps([facts["images"], *(curve.passport.get(key) for key in SAME_MEASURE)])
                # Pages written earlier have one device, or all of them, for everybody.
                device = facts.get("devices", {}).get(name) or facts.get("device", MISSING)
                points.setdefault((facts["image_set"], device, measure), []).extend(_trained(name, curve))
    return [(image_set, device, known) for (image_set, device, _), known in sorted(points.items())]


def _trained(name: str, curve: Curve) -> list[Point]:
    each = zip(curve.spent["train_seconds"], curve.values, curve.lows, curve.highs, strict=True)
    return [Point(name, place == 1, *numbers, curve.noise) for place, numbers in enumerate(each) if place]


def _leaders(known: Known) -> list[list[str]]:
    """For each image set, device and measure, who has the least distance within each budget, and who may be as good."""
    return [
        [image_set, device, *(_best([one for one in points if one.seconds <= budget]) for budget in BUDGETS)]
        for image_set, device, points in known
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


def _soonest(known: Known) -> list[list[str]]:
    """For each image set, device and measure, the contender that is first surely at each bar."""
    rows = []
    for image_set, device, points in known:
        over = [[one for one in points if one.high <= bar * one.noise] for bar in BARS]
        first = [min(some, key=lambda point: point.seconds, default=None) for some in over]
        rows.append([image_set, device, *map(_at, first)])
    return rows


def _at(point: Point | None) -> str:
    if point is None:
        return MISSING
    return f"{point.name} ({'by ' if point.first else ''}{duration(point.seconds)})"
