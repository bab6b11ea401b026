"""The answer in one sentence, with its doubts: computed, and never more than the numbers carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gencompare.reporting.words import duration, interval, listed, number, times

HEALTHY = frozenset({"finished", "stable"})

# Two costs nearer than this are called about the same: timings on a busy machine are not better than that.
ABOUT_THE_SAME = 1.2


@dataclass(frozen=True)
class Standing:
    """One contender by the score that decides.

    Attributes:
        name: the contender.
        value, low, high: the score and its interval; None where it has none.
        status: how training ended.
        cost: `train_seconds` and `seconds_per_image`; what is not known is left out.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    status: str = "finished"
    cost: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ranked(self) -> bool:
        return self.status in HEALTHY and self.value is not None

    @property
    def measured(self) -> str:
        between = interval(self.low, self.high)
        return number(self.value) + (f" ({between})" if between else "")


@dataclass(frozen=True)
class Answer:
    """One sentence, and what a reader must know before believing it.

    Attributes:
        sentence: who is ahead, or that nobody is.
        doubts: one or two sentences each.
        ahead: the contenders that share the first place, best value first.
    """

    sentence: str
    doubts: tuple[str, ...]
    ahead: tuple[str, ...]


def answer(
    standings: Sequence[Standing], score: str, better: str, seeds: int = 1, floor: float | None = None
) -> Answer:
    """Say which contender is ahead on one score, by how much, how surely and at what cost.

    Contenders whose intervals overlap that of the best value share the first place with it: a reader is
    never told that one of them is better. Contenders that failed are named, not ranked.

    Args:
        standings: every contender.
        score: the name of the score.
        better: `lower` or `higher`.
        seeds: how many training seeds stand behind each value.
        floor: what real images score against real images.
    """
    sign = 1 if better == "lower" else -1
    ranked = sorted((s for s in standings if s.ranked), key=lambda s: sign * (s.value or 0.0))
    failures = _failures([s for s in standings if not s.ranked], len(standings))
    if not ranked:
        return Answer("No contender can be ranked.", failures, ())
    best, *others = ranked
    level = [s for s in others if _overlap(best, s)]
    behind = [s for s in others if s not in level]
    doubts = _costs((best, *(level or behind[:1]))) + failures + _floor(score, floor) + _seeds(seeds)
    return Answer(
        _sentence(best, level, behind, score, better), doubts, tuple(s.name for s in (best, *level))
    )


def _sentence(
    best: Standing, level: Sequence[Standing], behind: Sequence[Standing], score: str, better: str
) -> str:
    if not level and not behind:
        return f"Only {best.name} can be ranked ({score} {best.measured}), so there is nothing to set it against."
    if not level:
        then = behind[0]
        return (
            f"{best.name} is ahead: {score} {best.measured} against {then.measured} for {then.name}, the next"
            f"{_by_how_much(best, then)}; {better} is better, and the intervals do not overlap."
        )
    tied = (best, *level)
    values = listed([s.measured for s in tied])
    rest = f", both ahead of {behind[0].name} at {behind[0].measured}" if behind else ""
    rest = rest if len(tied) == 2 else rest.replace("both", "all")
    return (
        f"{listed([s.name for s in tied])} cannot be told apart{rest}: the intervals of their {score}, "
        f"{values}, overlap."
    )


def _by_how_much(best: Standing, then: Standing) -> str:
    if not best.value or not then.value or min(best.value, then.value) <= 0:
        return ""
    share = abs(best.value / then.value - 1)
    return (
        f", {100 * share:.0f}% {'lower' if best.value < then.value else 'higher'}" if share >= 0.005 else ""
    )


def _overlap(one: Standing, other: Standing) -> bool:
    """Return whether two intervals share a point. Where one is missing, nothing tells the two apart."""
    if None in (one.low, one.high, other.low, other.high):
        return True
    return one.low <= other.high and other.low <= one.high  # type: ignore[operator]


def _costs(compared: Sequence[Standing]) -> tuple[str, ...]:
    """Name the cheapest and the dearest in training and in making an image."""
    sentences = []
    for key, what in (("train_seconds", "Training took"), ("seconds_per_image", "One image takes")):
        known = sorted((s for s in compared if s.cost.get(key)), key=lambda s: s.cost[key])
        if len(known) < 2:
            continue
        cheap, dear = known[0], known[-1]
        ratio = dear.cost[key] / cheap.cost[key]
        spans = f"{duration(cheap.cost[key])} for {cheap.name}, {duration(dear.cost[key])} for {dear.name}"
        sentences.append(
            f"{what} {spans}" + (f": {times(ratio)} as long." if ratio > ABOUT_THE_SAME else ".")
        )
    return (" ".join(sentences),) if sentences else ()


def _failures(failed: Sequence[Standing], of: int) -> tuple[str, ...]:
    if not failed:
        return ()
    reasons = listed([f"{s.name} ({s.status if s.status not in HEALTHY else 'not scored'})" for s in failed])
    return (f"{len(failed)} of {of} contenders failed and are shown, but not ranked: {reasons}.",)


def _floor(score: str, floor: float | None) -> tuple[str, ...]:
    if floor is None:
        return ()
    return (f"Real images set against real images score {number(floor)} ({score}): the best to hope for.",)


def _seeds(seeds: int) -> tuple[str, ...]:
    if seeds > 1:
        return (f"{seeds} training runs stand behind each value.",)
    return ("One training run stands behind each value: another seed could give another order.",)
