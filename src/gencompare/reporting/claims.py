"""Claims put to the test: whether what somebody expects of a comparison holds, by the scores behind its answer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, permutations
from typing import Any

import numpy as np

from gencompare.comparisons import Claim
from gencompare.evaluation.kinds import KINDS
from gencompare.evaluation.ranks import surely_better
from gencompare.evaluation.resampling import over_seeds
from gencompare.reporting import chances
from gencompare.reporting.answer import Standing, failed, surely
from gencompare.reporting.contents import ReportContents
from gencompare.reporting.formatting import listed, number, probability
from gencompare.reporting.tables import Scoreboard, ScoreColumn
from gencompare.training.deciding import UNCONCERNED

HOLDS = "holds"
DOES_NOT_HOLD = "does not hold"
CANNOT_BE_TOLD = "cannot be told"
SEED_BY_SEED = "the differences seed by seed"
DECIDING = frozenset({"model", "objective", "images", "training", "seed"})
"""Parts of a contender's settings, those of its sampler not among them."""

Gaps = Mapping[tuple[str, str], tuple[float, float]]
NO_GAPS: Gaps = {}


@dataclass(frozen=True)
class Verdict:
    """What came of a claim.

    Attributes:
        says: the claim in words.
        verdict: HOLDS, DOES_NOT_HOLD or CANNOT_BE_TOLD.
        evidence: the numbers behind it, or why there are none.
    """

    says: str
    verdict: str
    evidence: str


def judged(contents: ReportContents) -> list[Verdict]:
    """Judge every claim of a comparison by the scores of this run."""
    found = []
    for claim in contents.claims:
        verdict, evidence = _judged(claim, contents)
        on, about = contents.card["name"], contents.claims_about
        if verdict != CANNOT_BE_TOLD and about not in ("", on):
            evidence += f"; it was said of {about} and is judged on {on}"
        found.append(Verdict(claim.says, verdict, f"{evidence}."))
    return found


def judge_order(
    standings: Sequence[Standing], better: str, second: Sequence[Standing] = (), gaps: Gaps = NO_GAPS
) -> tuple[str, str]:
    """Judge whether each is better than the next; return the verdict and its reason.

    It holds where no two intervals overlap and all stand in this order. It does not where one is surely better than
    another that was to be better. Pairs that the other extractor surely puts the other way are undecided. Who failed is
    worse than everybody who did not, unless surely better by the score: then it is undecided, too.

    Args:
        standings: of those it is about, the best expected first.
        better: `lower` or `higher`.
        second: the same by the same score of another extractor's features, if it was taken.
        gaps: by how much each of two scores more than the other, where more is known of that than of each alone.
    """
    other_way = {s.name: (s.low, s.high) for s in second}
    reversed_, undecided, level = [], [], []
    for one, other in combinations(standings, 2):
        before, behind = _before(one, other, better, gaps), _before(other, one, better, gaps)
        if not (one.ranked or other.ranked):
            undecided.append(f"{one.name} and {other.name} both failed")
        elif not (one.ranked and other.ranked):
            lost, won = (one, other) if other.ranked else (other, one)
            if surely(lost, won, better):
                undecided.append(f"{lost.name} {lost.status} and yet is surely better than {won.name} by it")
            elif lost is one:
                reversed_.append(f"{lost.name} {lost.status}, {won.name} did not")
        elif not (before or behind):
            level.append((one.name, other.name))
        else:
            best, worst = (one, other) if before else (other, one)
            ends = [other_way.get(s.name, (None, None)) for s in (worst, best)]
            if surely_better(ends[0], ends[1], better):
                undecided.append(f"{worst.name} is surely better than {best.name} by the other extractor")
            elif behind:
                reversed_.append(f"{other.name} is surely better than {one.name}")
    if reversed_:
        return DOES_NOT_HOLD, listed(reversed_)
    undecided += _level(level, gaps)
    if undecided:
        return CANNOT_BE_TOLD, listed(undecided)
    fallen = [f"{s.name} {s.status}" for s in standings if not s.ranked]
    if len(standings) - len(fallen) > 1:
        fallen.append(f"{SEED_BY_SEED} say so" if gaps else "the intervals do not overlap")
    return HOLDS, listed(fallen)


def _level(pairs: Sequence[tuple[str, str]], gaps: Gaps) -> list[str]:
    """Say of pairs that neither is surely better."""
    overlap = [listed(pair) for pair in pairs if pair not in gaps]
    open_ = [listed(pair) for pair in pairs if pair in gaps]
    said = [f"the intervals of {', of '.join(overlap)} overlap"] if overlap else []
    return said + ([f"{SEED_BY_SEED} leave open which of {', of '.join(open_)} is better"] if open_ else [])


def _before(one: Standing, other: Standing, better: str, gaps: Gaps) -> bool:
    """Return whether one is surely better: by the gap between the two where that is known, else by the interval of each."""
    gap = gaps.get((one.name, other.name))
    return surely(one, other, better) if gap is None else surely_better(gap, (0.0, 0.0), better)


def judge_equal(
    standings: Sequence[Standing], within: float, second: Sequence[Standing] = (), gaps: Gaps = NO_GAPS
) -> tuple[str, str]:
    """Judge whether none scores more than `within` times as much as another; return the verdict and its reason.

    It holds where that is so wherever in their intervals the scores lie. It does not where that is so nowhere in them.
    Where the other extractor surely finds the opposite, it cannot be told.

    Args:
        standings: of those it is about.
        within: how many times as much is still nearly equal.
        second: as for `judge_order`.
        gaps: by how much each of two scores more than `within` times the other, where more is known of that.
    """
    verdict, reason = _nearly_equal(standings, within, gaps)
    other, why = _nearly_equal(second, within) if second else (verdict, "")
    if {verdict, other} == {HOLDS, DOES_NOT_HOLD}:
        return CANNOT_BE_TOLD, f"{reason}, but by the other extractor {why}"
    return verdict, reason


def _nearly_equal(standings: Sequence[Standing], within: float, gaps: Gaps = NO_GAPS) -> tuple[str, str]:
    """Judge it by one score."""
    known = [
        (s.value, s.low, s.high, s.name)
        for s in standings
        if s.value is not None and s.low is not None and s.high is not None
    ]
    if len(known) < len(standings):
        return CANNOT_BE_TOLD, "not every interval is known"
    apart = []
    for (_, low, high, one), (_, other_low, other_high, other) in permutations(known, 2):
        least, most = low - within * max(other_high, 0.0), high - within * other_low
        # Of what may be nothing, nothing is so many times as much: there each interval speaks for itself.
        apart.append(gaps.get((one, other), (least, most)) if other_low > 0.0 else (least, math.inf))
    if any(least > 0.0 for least, _ in apart):
        verdict = DOES_NOT_HOLD
    elif all(most <= 0.0 for _, most in apart):
        verdict = HOLDS
    else:
        verdict = CANNOT_BE_TOLD
    (less, less_low, less_high, lesser), *_, (more, more_low, more_high, greater) = sorted(known)
    if less_low <= 0.0:
        return verdict, f"the interval of {lesser} reaches 0, where nothing is so many times as much"
    between = f"{number(more_low / less_high)} to {number(more_high / less_low)}"
    ratio = f"{greater} has {number(more / less)} times as much as {lesser} ({between})"
    return verdict, f"{ratio}, expected at most {within:g} times"


def _judged(claim: Claim, contents: ReportContents) -> tuple[str, str]:
    names = [c.name for c in contents.contenders]
    absent = [name for name in claim.contenders if name not in names]
    if absent:
        return CANNOT_BE_TOLD, f"{listed(absent)} {'is' if len(absent) == 1 else 'are'} not in this run"
    column = _column(claim, contents.board)
    if column is None:
        return CANNOT_BE_TOLD, f"there is no score {claim.score} in this run"
    if not column.decides and (claim.order or claim.equal):
        blind = "does not tell real images from faulty ones here"
        return CANNOT_BE_TOLD, f"{column.full} {blind if column.blind else 'is biased at so few images'}"
    standings = _standings(claim, contents, column)
    unranked = [s for s in standings if not s.ranked]
    without = failed(unranked, len(standings))[0].removesuffix(".") if unranked else ""
    if claim.order is None and claim.equal is None:
        verdict, reason = _judge_learning(claim, contents, standings[0], column)
    elif [s for s in unranked if claim.equal or not _lost(s.name, contents)]:
        return CANNOT_BE_TOLD, without
    else:
        better = column.kind.better
        other = contents.board.second if column is contents.board.first else None
        second = _standings(claim, contents, other) if other else ()
        gaps = _gaps(claim, contents, column)
        verdict, reason = (
            judge_equal(standings, claim.within, second, gaps)
            if claim.within is not None
            else judge_order(standings, better, second, gaps)
        )
        values = listed([f"{s.measured} for {s.name}" for s in standings])
        reason = f"{column.full} {values}; {better} is better, and {reason}"
        reason += f"; {without}" if without else ""
        if sharing := [name for name in claim.contenders if any(name in pair for pair in gaps)]:
            reason += (
                f"; {listed(sharing)} share their trainings, and are judged by the difference of each seed"
            )
        reason += _probability(claim, contents, column) if claim.order and not (unranked or gaps) else ""
    if verdict != CANNOT_BE_TOLD and column.seeds == 1:
        reason += "; on one seed each (another seed may change it)"
    return verdict, reason


def _standings(claim: Claim, contents: ReportContents, column: ScoreColumn) -> list[Standing]:
    """Return the standings of those a claim is about. Samples that failed say nothing of reconstructions."""
    every = {s.name: s for s in contents.standings(column)}
    found = [every[name] for name in claim.contenders]
    return (
        [replace(s, status="finished") for s in found] if column.kind.measures == "reconstruction" else found
    )


def _gaps(claim: Claim, contents: ReportContents, column: ScoreColumn) -> Gaps:
    """Of every two that share their trainings, say by each seed's own difference how much more one scores than `within` times
    the other: over several seeds both scatter together, and the interval of each tells less."""
    seeds, times = contents.by_seed(column), claim.within or 1.0
    trained = {c.name: _training(c.settings) for c in contents.contenders}
    found = {}
    for one, other in permutations(claim.contenders, 2):
        own, others = (np.array(seeds.get(name, ())) for name in (one, other))
        if trained[one] == trained[other] and own.shape == others.shape and len(own) > 1:
            of_each = own[:, 0] - times * others[:, 0]
            mean, half, _ = over_seeds(of_each, *np.hypot(own[:, 1:], times * others[:, 1:]).T)
            found[one, other] = (float(mean - half), float(mean + half))
    return found


def _training(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a contender's flat settings that decide what its training comes to."""
    parts = {key: key.partition(".") for key in settings}
    return {
        key: settings[key]
        for key, (part, _, name) in parts.items()
        if part in DECIDING and not (part == "training" and name in UNCONCERNED)
    }


def _lost(name: str, contents: ReportContents) -> bool:
    """Whether a contender failed with every seed."""
    return name in contents.failures and contents.failures[name].always


def _column(claim: Claim, board: Scoreboard) -> ScoreColumn | None:
    """Return the score that judges a claim, None where this run has none of its kind."""
    if claim.score is None:
        return board.first
    return next((column for column in board.columns if column.kind is KINDS[claim.score]), None)


def _judge_learning(
    claim: Claim, contents: ReportContents, standing: Standing, column: ScoreColumn
) -> tuple[str, str]:
    name = standing.name
    if name in contents.failures:
        status, why, always = contents.failures[name]
        decided = HOLDS if claim.fails else DOES_NOT_HOLD
        because = f": {why[0].lower()}{why[1:].removesuffix('.')}" if why else ""
        return decided if always else CANNOT_BE_TOLD, f"{name} {status}{because}"
    if not standing.ranked:
        return CANNOT_BE_TOLD, f"{name} has no {column.full}"
    verdict = HOLDS if claim.learns else DOES_NOT_HOLD
    return verdict, f"{name} did not fail; {column.full} {standing.measured}"


def _probability(claim: Claim, contents: ReportContents, column: ScoreColumn) -> str:
    """Say how probable the order is over seeds and samples; empty where that is not known."""
    seeds = contents.by_seed(column)
    if not all(any(error for _, error, *_ in seeds.get(name, ())) for name in claim.contenders):
        return ""
    ordered = {name: seeds[name] for name in claim.contenders}
    over = "seeds and samples" if column.seeds > 1 else "samples alone"
    return f"; the order is so with probability {probability(chances.of_order(ordered, column.kind.better))}, over {over}"
