"""The answer in one sentence, with its doubts: computed, and never more than the numbers carry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gencompare.evaluation.ranks import ranks
from gencompare.reporting.formatting import duration, interval, listed, number, times

HEALTHY = frozenset({"finished", "stable", "oscillating"})

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
    low: float | None = None
    high: float | None = None
    status: str = "finished"
    cost: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ranked(self) -> bool:
        """Whether it may be called better or worse than another."""
        return self.status in HEALTHY and self.value is not None

    @property
    def measured(self) -> str:
        """Its value and interval in words."""
        between = interval(self.low, self.high, like=self.value)
        return number(self.value) + (f" ({between})" if between else "")


@dataclass(frozen=True)
class Answer:
    """One sentence in two parts, and what a reader must know before believing it.

    Attributes:
        verdict: who is ahead, or that nobody is.
        evidence: the numbers behind it; may be empty.
        doubts: one or two sentences each.
        ahead: the contenders that share the first place, best value first.
    """

    verdict: str
    evidence: str
    doubts: tuple[str, ...]
    ahead: tuple[str, ...]


def answer(
    standings: Sequence[Standing],
    score: str,
    better: str,
    seeds: int = 1,
    real_images: float | None = None,
    noise: float | None = None,
    opinions: Mapping[str, Sequence[str]] | None = None,
) -> Answer:
    """Say which contender is ahead on one score, by how much, how surely and at what cost.

    Contenders that no other is surely better than (its whole interval on the better side) share the first
    place: a reader is never told that one of them is better. Failed contenders are named, not ranked.

    Args:
        standings: every contender.
        score: the name of the score.
        better: `lower` or `higher`.
        seeds: how many training seeds stand behind each value.
        real_images: what they score against other real images.
        noise: what it scores against real images.
        opinions: for other scores of quality, which contenders share their first place.
    """
    failures = _failures([s for s in standings if not s.ranked], len(standings))
    ahead = leaders(standings, better)
    if not ahead:
        return Answer("No contender can be ranked", "", failures, ())
    behind = sorted((s for s in standings if s.ranked and s not in ahead), key=_order(better))
    verdict, evidence = (
        _clear(ahead[0], behind, score, better) if len(ahead) == 1 else _tie(ahead, behind, score)
    )
    names = tuple(s.name for s in ahead)
    compared = ahead if len(ahead) > 1 else ahead + behind[:1]
    doubts = (
        *_costs(compared),
        *_second_opinions(names, opinions if opinions and behind + ahead[1:] else {}),
        *failures,
        *_references(ahead[0], real_images, noise),
        *_seeds(seeds),
    )
    return Answer(verdict, evidence, doubts, names)


def leaders(standings: Sequence[Standing], better: str) -> list[Standing]:
    """Return the ranked contenders that no other ranked one is surely better than, best value first."""
    ranked = ranks({s.name: (s.low, s.high) for s in standings if s.ranked}, better)
    return sorted((s for s in standings if ranked.get(s.name) == 1), key=_order(better))


def _clear(best: Standing, behind: Sequence[Standing], score: str, better: str) -> tuple[str, str]:
    if not behind:
        return (
            f"Only {best.name} can be ranked",
            f"its {score} of {best.measured} has nothing to be set against",
        )
    then = behind[0]
    return (
        f"{best.name} is ahead",
        f"{score} {best.measured} against {then.measured} for {then.name}, the next; {better} is better, and the "
        f"intervals do not overlap",
    )


def _tie(ahead: Sequence[Standing], behind: Sequence[Standing], score: str) -> tuple[str, str]:
    values = listed([s.measured for s in ahead])
    evidence = f"the intervals of their {score}, {values}, overlap"
    if not behind:
        return f"{listed([s.name for s in ahead])} cannot be told apart", evidence
    return (
        f"{listed([s.name for s in ahead])} are ahead and cannot be told apart",
        f"{evidence}; the next, {behind[0].name}, has {behind[0].measured}",
    )


def _order(better: str) -> Callable[[Standing], float]:
    sign = 1 if better == "lower" else -1
    return lambda standing: sign * (standing.value or 0.0)


def _costs(compared: Sequence[Standing]) -> tuple[str, ...]:
    """Name the cheapest and the dearest in training and in making an image."""
    sentences = []
    for key, what in (("train_seconds", "Training took"), ("seconds_per_image", "One image takes")):
        known = sorted((s for s in compared if s.cost.get(key)), key=lambda s: s.cost[key])
        if len(known) < 2:
            continue
        cheap, dear = known[0], known[-1]
        ratio = dear.cost[key] / cheap.cost[key]
        spans = f"{what} {duration(cheap.cost[key])} for {cheap.name} and {duration(dear.cost[key])} for {dear.name}"
        sentences.append(spans + (f", {times(ratio)} as long." if ratio > ABOUT_THE_SAME else "."))
    return (" ".join(sentences),) if sentences else ()


def _failures(failed: Sequence[Standing], of: int) -> tuple[str, ...]:
    if not failed:
        return ()
    reasons = listed([f"{s.name} ({s.status if s.status not in HEALTHY else 'not scored'})" for s in failed])
    return (f"{len(failed)} of {of} contenders failed, shown but not ranked: {reasons}.",)


def _second_opinions(ahead: Sequence[str], opinions: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Say which other scores of quality see the same contenders ahead, and whom the rest see."""
    agree = [title for title, names in opinions.items() if set(names) == set(ahead)]
    said = [f"{listed(agree)} {'agrees' if len(agree) == 1 else 'agree'}."] if agree else []
    for title, names in opinions.items():
        if title not in agree and names:
            said.append(
                f"By {title}, {listed(list(names))} {'is ahead' if len(names) == 1 else 'share first place'}."
            )
    return (" ".join(said),) if said else ()


def _references(best: Standing, real_images: float | None, noise: float | None) -> tuple[str, ...]:
    if real_images is None or best.value is None:
        return ()
    said = f"Real images against other real images get {number(real_images)}."
    if noise is not None and abs(best.value - noise) < abs(best.value - real_images):
        said += f" Noise gets {number(noise)}: {best.name} is nearer to noise than to real images."
    return (said,)


def _seeds(seeds: int) -> tuple[str, ...]:
    if seeds > 1:
        return (f"{seeds} training runs stand behind each value.",)
    return ("One training run stands behind each value: another seed could give another order.",)
