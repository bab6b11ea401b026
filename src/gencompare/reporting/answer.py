"""The answer in one sentence, with its doubts: computed, and never more than the numbers carry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gencompare.evaluation.ranks import Agreement, agreement, ranks, surely_better
from gencompare.reporting.formatting import duration, interval, listed, number, probability, times

HEALTHY = frozenset({"finished", "stable", "oscillating"})

# Two costs nearer than this are called about the same: timings on a busy machine are not better than that.
ABOUT_THE_SAME = 1.2
# From this probability on, over seeds, the likelier of those that cannot be told apart is named.
LIKELY = 0.9


@dataclass(frozen=True)
class Standing:
    """One contender by one score.

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
class Opinion:
    """What another score says: everyone's standing by it, and which way is `better`."""

    standings: Sequence[Standing]
    better: str


@dataclass(frozen=True)
class Answer:
    """One sentence in two parts, and what a reader must know before believing it.

    Attributes:
        verdict: who is ahead, or that nobody is; with one seed, that another may change the order.
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
    opinions: Mapping[str, Opinion] | None = None,
    second: Sequence[Standing] = (),
    chances: Mapping[str, Mapping[str, float]] | None = None,
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
        opinions: what other scores say, by title.
        second: everyone's standing by the same score of another extractor's features, if it was taken.
        chances: how probably each contender is the best, by `score` and by all scores `together`.
    """
    failures = failed([s for s in standings if not s.ranked], len(standings))
    ahead = leaders(standings, better)
    if not ahead:
        return Answer("No contender can be ranked", "", failures, ())
    behind = sorted((s for s in standings if s.ranked and s not in ahead), key=_order(better))
    verdict, evidence = (
        _clear(ahead[0], behind, score, better)
        if len(ahead) == 1
        else _tie(ahead, behind, score, better, _likely(chances, seeds))
    )
    several = bool(behind or ahead[1:])
    rivals = _rivals(ahead, standings, second, better)
    if rivals:
        verdict += f", but by one extractor only: by the other {listed(rivals)} {'is' if len(rivals) == 1 else 'are'} better"
    elif len(ahead) == 1 and (level := _level(ahead[0], behind, second, better)):
        verdict += f", though by the other extractor {listed(level)} may be as good"
    if several:
        verdict += ", on one seed each (another seed may change the order)" if seeds == 1 else ""
        evidence += _placed(real_images, noise)
    names = tuple(s.name for s in ahead)
    compared = ahead if len(ahead) > 1 else ahead + behind[:1]
    doubts = (
        *failures,
        *(_second_opinions(ahead, opinions or {}) if several else ()),
        *_by_both_extractors(standings, second, better),
        *(_chances(chances or {}, seeds) if several else ()),
        *_near_noise(ahead[0], real_images, noise),
        *_costs(compared),
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


def _tie(
    ahead: Sequence[Standing], behind: Sequence[Standing], score: str, better: str, likely: str | None
) -> tuple[str, str]:
    """Whoever is behind is surely worse than one of those ahead, which need not be so of all of them."""
    names, values = listed([s.name for s in ahead]), listed([s.measured for s in ahead])
    evidence = f"the intervals of their {score}, {values}, overlap"
    worse = {s.name: [one.name for one in ahead if surely(one, s, better)] for s in behind}
    apart = all(len(than) == len(ahead) for than in worse.values())
    if behind:
        evidence += f"; the next, {behind[0].name}, has {behind[0].measured}"
        than = worse[behind[0].name]
        if len(than) < len(ahead):
            evidence += f", surely worse than {listed(than)} alone"
    if likely in {s.name for s in ahead}:
        others = listed([s.name for s in ahead if s.name != likely])
        return f"{likely} is probably ahead, though {others} may be as good", evidence
    if apart:
        return f"{names} {'are ahead and ' if behind else ''}cannot be told apart", evidence
    return f"The best may be any of {names}, which cannot be told apart", evidence


def surely(one: Standing, other: Standing, better: str) -> bool:
    """Return whether one is surely better than another."""
    return surely_better((one.low, one.high), (other.low, other.high), better)


def _likely(chances: Mapping[str, Mapping[str, float]] | None, seeds: int) -> str | None:
    """Return who is the best by this score with a probability over seeds of at least LIKELY."""
    own = (chances or {}).get("score", {}) if seeds > 1 else {}
    return next((name for name, chance in own.items() if chance >= LIKELY), None)


def _rivals(
    ahead: Sequence[Standing], standings: Sequence[Standing], second: Sequence[Standing], better: str
) -> list[str]:
    """Name those behind that the other extractor surely puts before one of those ahead."""
    names = {s.name for s in ahead}
    turned = _agreement(standings, second, better).opposite
    return list(dict.fromkeys(after for one, after in turned if one in names and after not in names))


def _level(ahead: Standing, behind: Sequence[Standing], second: Sequence[Standing], better: str) -> list[str]:
    """Name those behind that the other extractor does not tell apart from the one ahead."""
    other = {s.name: (s.low, s.high) for s in second}
    if ahead.name not in other:
        return []
    known = [s.name for s in behind if s.name in other]
    return [name for name in known if not surely_better(other[ahead.name], other[name], better)]


def _agreement(standings: Sequence[Standing], second: Sequence[Standing], better: str) -> Agreement:
    first, other = ({s.name: (s.low, s.high) for s in own if s.ranked} for own in (standings, second))
    return agreement(first, other, better)


def _order(better: str) -> Callable[[Standing], float]:
    sign = 1 if better == "lower" else -1
    return lambda standing: sign * (standing.value or 0.0)


def _placed(real_images: float | None, noise: float | None) -> str:
    """Say between what a value lies."""
    known = {"real images get": real_images, "noise": noise}
    said = ", ".join(f"{what} {number(value)}" for what, value in known.items() if value is not None)
    return f" ({said})" if said and real_images is not None else ""


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


def failed(standings: Sequence[Standing], of: int) -> tuple[str, ...]:
    """Name those that failed, by what happened to them."""
    if not standings:
        return ()
    reasons: dict[str, list[str]] = {}
    for s in standings:
        reasons.setdefault(s.status if s.status not in HEALTHY else "not scored", []).append(s.name)
    words = {"failed to learn": "failed to learn at this budget"}
    said = "; ".join(f"{listed(names)} {words.get(why, why)}" for why, names in reasons.items())
    verb = "is" if len(standings) == 1 else "are"
    return (f"{len(standings)} of {of} contenders {verb} shown but not ranked: {said}.",)


def _second_opinions(ahead: Sequence[Standing], opinions: Mapping[str, Opinion]) -> tuple[str, ...]:
    """Name every score by which one of those ahead is surely worse than another; only if there is none, who agrees."""
    first = {s.name for s in ahead}
    apart = []
    for title, opinion in opinions.items():
        ours = [s for s in opinion.standings if s.name in first and s.ranked]
        others = sorted(
            (s for s in opinion.standings if s.name not in first and s.ranked), key=_order(opinion.better)
        )
        for other in others:
            beaten = [s for s in ours if surely(other, s, opinion.better)]
            if beaten:
                against = listed([f"{number(s.value)} for {s.name}" for s in beaten])
                apart.append(f"{title} ({other.name} {number(other.value)}, {against})")
                break
    if apart:
        return (f"Not by every score: {'; '.join(apart)} {'says' if len(apart) == 1 else 'say'} otherwise.",)
    agree = [
        title
        for title, opinion in opinions.items()
        if {s.name for s in leaders(opinion.standings, opinion.better)} == first
    ]
    if not agree:
        return ()
    also = f"{listed(agree)} {'agrees' if len(agree) == 1 else 'agree'}, and no other score contradicts."
    return (also,) if len(opinions) > len(agree) else (also.replace(", and no other score contradicts", ""),)


def _by_both_extractors(
    standings: Sequence[Standing], second: Sequence[Standing], better: str
) -> tuple[str, ...]:
    """Say of how many pairs the order holds by the other extractor too, and for which it is turned round."""
    same, opposite, undecided = _agreement(standings, second, better)
    pairs = same + len(opposite) + undecided
    if not pairs:
        return ()
    said = f"By both extractors {same} of {pairs} pairs of contenders {'stands' if same == 1 else 'stand'} in the same order"
    if opposite:
        turned = listed([f"{one} before {after}" for one, after in opposite])
        so = "is" if len(opposite) == 1 else "are"
        said += f"; {len(opposite)} in the opposite one, and so {so} undecided (by the first, {turned})"
    if undecided:
        said += f"; {undecided} {'is' if undecided == 1 else 'are'} not told apart by both"
    return (said + ".",)


def _chances(chances: Mapping[str, Mapping[str, float]], seeds: int) -> tuple[str, ...]:
    """Say how probably each is the best, by the score that decides and by all scores together."""
    said = []
    for key, what in (("score", "by this score"), ("together", "by mean rank over the scores that all have")):
        likely = sorted(chances.get(key, {}).items(), key=lambda one: -one[1])[:3]
        shown = [f"{name} {probability(chance)}" for name, chance in likely if chance >= 0.005]
        if shown:
            said.append(f"{what}, {', '.join(shown)}")
    over = (
        f"{seeds} seeds and samples" if seeds > 1 else "samples alone: one seed says nothing of other seeds"
    )
    return (f"Probability of being the best {'; '.join(said)} (over {over}).",) if said else ()


def _near_noise(best: Standing, real_images: float | None, noise: float | None) -> tuple[str, ...]:
    if real_images is None or noise is None or best.value is None:
        return ()
    if abs(best.value - noise) < abs(best.value - real_images):
        return (f"{best.name} is nearer to noise than to real images.",)
    return ()
