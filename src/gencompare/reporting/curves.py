"""Quality against what training took: each contender's curve over its seeds, and whom it favours at which budget."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gencompare.evaluation import resampling
from gencompare.evaluation.ranks import ranks
from gencompare.evaluation.resampling import NORMAL_95
from gencompare.reporting.formatting import duration, listed

AXES = ("train_seconds", "train_flops", "kimg")

LEAST_GAIN = 0.1
"""Statistics that batch normalisation gathers change samples by a few hundredths even where no weight moves."""

STILL_FALLS = 0.05
"""A curve whose last point is lower than the one before by this share, and surely lower, has not come to its end."""

BUDGETS = 48
"""How many budgets between the first and the last point are looked at."""

MOST_SPANS = 5
"""How many changes of the lead are told: a curve has about as many points, and so knows of no more."""


@dataclass(frozen=True)
class Curve:
    """How good one contender was at each point of its training, the untrained one first.

    Attributes:
        spent: for each of AXES, what each point took on average over the seeds.
        values, lows, highs, errors: the distance at each point, its 95% interval and its standard error.
        last_fall: how much lower the last point is than the one before, and half the 95% interval of that, by each seed's
            own difference: seeds that lie far apart may all fall.
        real_images, noise: what these score.
        passport: what the distances were taken with.
    """

    spent: Mapping[str, Sequence[float]]
    values: Sequence[float]
    lows: Sequence[float]
    highs: Sequence[float]
    errors: Sequence[float]
    last_fall: tuple[float, float]
    real_images: float
    noise: float
    passport: Mapping[str, Any]

    @property
    def learnt(self) -> bool:
        """Whether the end is better than the untrained beginning by LEAST_GAIN of the way to real images and by more
        than its standard error explains. Few seeds, whose intervals are wide, are no reason to call it a failure."""
        chance = NORMAL_95 * math.hypot(self.errors[0], self.errors[-1])
        first, last = self.values[0], self.values[-1]
        return self.gained(last, since=first) and first - last > chance

    def gained(self, value: float, since: float) -> bool:
        """Whether a distance is better than another by LEAST_GAIN of the way from that to real images."""
        return since - value > LEAST_GAIN * (since - self.real_images)

    @property
    def still_falls(self) -> bool:
        """Whether the last point is surely, and by more than a little, better than the one before."""
        if len(self.values) < 3:
            return False
        fall, sure = self.last_fall
        return fall > max(sure, STILL_FALLS * abs(self.values[-2]))

    @property
    def got_worse(self) -> bool:
        """Whether the last point is surely, and by more than a little, worse than the best trained one."""
        best = self.best
        little = STILL_FALLS * abs(self.values[best])
        # Whole intervals, over seeds where there are some: the best of several points is the luckiest, too.
        return self.lows[-1] > self.highs[best] and self.values[-1] - self.values[best] > little

    @property
    def best(self) -> int:
        """Which trained point is the best; 0 where there is only the untrained one."""
        return 1 + int(np.argmin(self.values[1:])) if len(self.values) > 1 else 0

    @property
    def advice(self) -> str:
        """Say what its end tells one to try."""
        if self.still_falls:
            return "Its curve still falls at the end: give it more budget."
        if self.got_worse:
            seconds = self.spent["train_seconds"][self.best]
            return (
                f"It was better after {duration(seconds)} and got worse: lower learning rates may last longer, and "
                "training.sample_from=best takes the weights of its best point."
            )
        return "Its curve is flat at the end: more budget alone will not help, another setting may."


@dataclass(frozen=True)
class Span:
    """Budgets at which the same contenders lead.

    Attributes:
        start, end: seconds of training.
        leaders: those that no other is surely better than; empty while nobody is better than noise and than anybody's
            untrained weights.
    """

    start: float
    end: float
    leaders: tuple[str, ...]

    @property
    def octaves(self) -> float:
        """How long it is, over the logarithm."""
        return math.log2(self.end / self.start)

    def with_next(self, other: Span) -> Span:
        """Join it with the one after it. Who takes turns in so short a time cannot be told apart; where nobody leads in one
        of them, the longer decides."""
        longer = max(self, other, key=lambda span: span.octaves)
        both = tuple(dict.fromkeys((*self.leaders, *other.leaders)))
        return Span(self.start, other.end, both if self.leaders and other.leaders else longer.leaders)


def over_seeds(found: Sequence[Mapping[str, Any]]) -> Curve | None:
    """Bring the curves of one contender's seeds together, as far as all of them go; None where there are none.

    Args:
        found: `points`, `real_images`, `noise` and `passport` of each seed, as the validator measured them.
    """
    points = [seed["points"] for seed in found if seed.get("points")]
    length = min(map(len, points), default=0)
    if not length or len(points) < len(found):
        return None

    def table(key: str) -> np.ndarray:
        return np.array([[point[key] for point in seed[:length]] for seed in points])

    values, own = table("value"), table("standard_error")
    means, halves, errors = resampling.over_seeds(values, own)
    before, end = max(length - 2, 0), length - 1
    fall, sure, _ = resampling.over_seeds(
        values[:, before] - values[:, end], np.hypot(own[:, before], own[:, end])
    )
    return Curve(
        spent={axis: table(axis).mean(axis=0).tolist() for axis in AXES},
        values=means.tolist(),
        lows=(means - halves).tolist(),
        highs=(means + halves).tolist(),
        errors=errors.tolist(),
        last_fall=(float(fall), float(sure)),
        real_images=float(np.mean([seed["real_images"] for seed in found])),
        noise=float(np.mean([seed["noise"] for seed in found])),
        passport=found[0]["passport"],
    )


def answer_by_budget(curves: Mapping[str, Curve]) -> str:
    """Say who leads at which training time, and whose curve still falls at the end; empty without two curves.

    The points are on the way to the end of one training. One planned for less lets its rates fall, and grows, in time.

    Args:
        curves: of the contenders whose training ended well.
    """
    spans = fewer(by_budget(curves))
    if len(curves) < 2 or not spans:
        return ""
    falling = [name for name, curve in curves.items() if curve.still_falls]
    risen = [name for name, curve in curves.items() if curve.got_worse and not curve.still_falls]
    said = f"By training time, on the way to this budget: {'; '.join(_spans(spans))}."
    if falling:
        still = "still improves" if len(falling) == 1 else "still improve"
        said += f" {listed(falling)} {still} at the end: with more budget the order may change."
    if risen:
        said += f" {listed(risen)} got worse towards the end: less budget, or training.sample_from=best, makes better samples."
    return said


def by_budget(curves: Mapping[str, Curve]) -> list[Span]:
    """Say who leads at which budget, in seconds of training.

    Between two points a curve is a straight line over the logarithm of its seconds; after its last it stays.
    """
    trained = {name: curve for name, curve in curves.items() if len(curve.values) > 1}
    if not trained:
        return []
    first = min(curve.spent["train_seconds"][1] for curve in trained.values())
    last = max(curve.spent["train_seconds"][-1] for curve in trained.values())
    budgets = np.geomspace(first, last, BUDGETS).tolist()
    return _without_repeats([Span(seconds, seconds, _leaders(trained, seconds)) for seconds in budgets])


def fewer(spans: Sequence[Span], most: int = MOST_SPANS) -> list[Span]:
    """Join the shortest span with the shorter of those beside it, until few are left."""
    found = list(spans)
    while len(found) > most:
        place = min(range(len(found)), key=lambda k: found[k].octaves)
        beside = [k for k in (place - 1, place + 1) if 0 <= k < len(found)]
        first = min(place, min(beside, key=lambda k: found[k].octaves))
        found[first : first + 2] = [found[first].with_next(found[first + 1])]
        found = _without_repeats(found)
    return found


def _without_repeats(spans: Sequence[Span]) -> list[Span]:
    """Join spans in a row that have the same leaders."""
    joined: list[Span] = []
    for span in spans:
        if joined and set(joined[-1].leaders) == set(span.leaders):
            joined[-1] = joined[-1].with_next(span)
        else:
            joined.append(span)
    return joined


def _leaders(curves: Mapping[str, Curve], seconds: float) -> tuple[str, ...]:
    """Who leads, of those that are better than noise and than anybody's untrained weights: some of these are far better
    than others, and to have left worse ones behind is no lead."""
    known: dict[str, tuple[float | None, float | None]] = {}
    untrained = min(min(curve.values[0], curve.noise) for curve in curves.values())
    for name, curve in curves.items():
        if seconds >= curve.spent["train_seconds"][1] * (1 - 1e-9):
            value = at(curve, curve.values, seconds)
            if curve.gained(value, since=untrained):
                known[name] = (at(curve, curve.lows, seconds), at(curve, curve.highs, seconds))
    return tuple(name for name, rank in ranks(known, "lower").items() if rank == 1)


def at(curve: Curve, numbers: Sequence[float], budget: float, axis: str = "train_seconds") -> float:
    """Return a number of the curve at a budget of one of AXES, by the trained points on both sides of it."""
    return float(np.interp(math.log(budget), np.log(curve.spent[axis][1:]), numbers[1:]))


def _spans(spans: Sequence[Span]) -> list[str]:
    said = []
    for place, span in enumerate(spans):
        names = (
            listed(list(span.leaders))
            if span.leaders
            else "nobody is better than noise and anybody's untrained weights"
        )
        who = f"{names} cannot be told apart" if len(span.leaders) > 1 else names
        if len(spans) == 1:
            return [f"at every budget up to {duration(span.end)}, {who}"]
        when = f"from {duration(span.start)}" if place else f"below {duration(spans[1].start)}"
        said.append(f"{when}, {who}")
    return said
