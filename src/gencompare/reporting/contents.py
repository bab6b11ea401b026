"""What a report is made of: everything comes in here, already computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from gencompare.comparisons import Claim
from gencompare.config.typed import flatten
from gencompare.evaluation.ranks import surely_better
from gencompare.evaluation.resampling import NORMAL_95
from gencompare.evaluation.table import combined
from gencompare.imagesets.arrays import Images
from gencompare.reporting import chances, curves
from gencompare.reporting.answer import HEALTHY, Standing
from gencompare.reporting.formatting import number
from gencompare.reporting.palette import Look, looks
from gencompare.reporting.tables import Scoreboard, ScoreColumn, scoreboard

COLLAPSED_BELOW = 1 / 3
"""Samples that vary less than this share of real images' variety are nearly one image. On pandas 0.21 and 0.26 where all look
alike to the eye and noise makes most of what varies, 0.96 to 1.09 where they do not; a VAE's blurred birds vary
0.7 times as much as the others of their run."""

SHOWN_NEIGHBOURS = 8

FAILED_TO_LEARN = "failed to learn"
UNTRAINED = "Its samples are no better than those it made before any training."
ALIKE = "Its samples vary less than a third as much as real images: they are nearly one image."
LAST_GOOD = "What is shown and scored of it was made by the last weights that were good."

FIRST_SEEDS = ("history", "samples", "interpolation", "trajectory", "neighbours", "curve_samples")


@dataclass(frozen=True)
class Neighbours:
    """Samples beside the training images nearest to them.

    Attributes:
        samples: uint8 (K, H, W, C).
        nearest: uint8 (K, M, H, W, C), nearest first.
    """

    samples: np.ndarray
    nearest: np.ndarray


def neighbours_shown(samples: Images, train: Images, found: Mapping[str, Any]) -> Neighbours:
    """Look up the training images nearest to the samples most like a copy.

    Args:
        samples, train: all of them.
        found: the `neighbours` of `evaluation.scoring.score`.
    """
    chosen, nearest = (np.array(found[key][:SHOWN_NEIGHBOURS]) for key in ("samples", "nearest"))
    return Neighbours(samples.images[chosen], np.stack([train.images[row] for row in nearest]))


@dataclass(frozen=True)
class SeedReport:
    """What is known of one training of a contender.

    Attributes:
        status: what its history said of it, a verdict of `evaluation.health`; or `stopped` and the like.
        evidence: why, in sentences.
        scores: {name: {"value", "standard_error", ...}}.
        cost: the keys of `tables.COSTS`.
        curve: how good it was at each point of its training.
        variety: how far pixels differ between its first samples, as a standard deviation in grey levels.
    """

    status: str = "finished"
    evidence: str = ""
    scores: Mapping[str, Any] = field(default_factory=dict)
    cost: Mapping[str, Any] = field(default_factory=dict)
    curve: curves.Curve | None = None
    variety: float | None = None


class Failure(NamedTuple):
    """What went wrong with a contender.

    Attributes:
        status: in a few words.
        why: in sentences, of the first seed with which it did.
        always: whether it did with every seed.
    """

    status: str
    why: str
    always: bool


@dataclass(frozen=True)
class ContenderReport:
    """What is known of one contender. What a failed one did not get to is None or empty.

    Attributes:
        name: as in the comparison.
        family: its model's name.
        settings: flat, by dotted name.
        seeds: what is known of each of its trainings.
        history: `kimg`, `loss/<network>`, `grad_norm/<network>` and metrics.
        scores: {"scores": {name: {"value", "low", "high", "better", "passport"}}, ...}, over its seeds.
        curve: how good it was at each point of its training, over its seeds.
        curve_samples: the first images of each point of the first seed, as many of each.
        cost: the keys of `tables.COSTS`, means over seeds; what is not known is left out.
        samples: the first of the scored samples, same seed and labels for all contenders.
        interpolation: from one sample to another, one a row.
        trajectory: images on their way from noise, one a row.
        reconstructions: of a model that can encode images, real images, their reconstructions, and
            interpolations between real images, one a row.
        stages: of a contender trained in stages, samples at the end of each, one a row.
        neighbours: its samples beside the training images nearest to them.
    """

    name: str
    family: str
    settings: Mapping[str, Any]
    history: pd.DataFrame
    seeds: Sequence[SeedReport]
    scores: Mapping[str, Any] = field(default_factory=dict)
    curve: curves.Curve | None = None
    curve_samples: Images | None = None
    cost: Mapping[str, Any] = field(default_factory=dict)
    samples: Images | None = None
    interpolation: Image.Image | None = None
    trajectory: Image.Image | None = None
    reconstructions: Image.Image | None = None
    stages: Image.Image | None = None
    neighbours: Neighbours | None = None


def contender_reports(trainings: Iterable[Mapping[str, Any]]) -> list[ContenderReport]:
    """Bring each contender's trainings together, in the order in which contenders come first.

    Args:
        trainings: each with its nested `settings` and what else ContenderReport has.
    """
    seeds: dict[str, list[Mapping[str, Any]]] = {}
    for training in trainings:
        seeds.setdefault(training["settings"]["contender"], []).append(training)
    return [_contender_report(name, of_name) for name, of_name in seeds.items()]


def _contender_report(name: str, seeds: Sequence[Mapping[str, Any]]) -> ContenderReport:
    """Bring one contender's seeds together: scores and costs of all, pictures of the first."""
    first = seeds[0]
    scores = combined([one["scores"] for one in seeds])
    return ContenderReport(
        name=name,
        family=first["settings"]["model"]["name"],
        settings=flatten(first["settings"])
        | {"seed": ", ".join(str(one["settings"]["seed"]) for one in seeds)},
        seeds=[_seed_report(one) for one in seeds],
        scores=scores,
        curve=curves.over_seeds([one["curve"] for one in seeds]),
        cost=_mean([one["cost"] for one in seeds]),
        reconstructions=first["reconstructions"] if "reconstruction_error" in scores["scores"] else None,
        stages=first["stages"] if first["outcome"]["stages"] > 1 else None,
        **{key: first[key] for key in FIRST_SEEDS},
    )


def _seed_report(one: Mapping[str, Any]) -> SeedReport:
    outcome = one["outcome"]
    evidence = f"{outcome['evidence'][:1].upper()}{outcome['evidence'][1:]}."
    return SeedReport(
        status=outcome["health"],
        evidence=f"{evidence} {LAST_GOOD}" if outcome["status"] == "diverged" else evidence,
        scores=one["scores"]["scores"],
        cost=one["cost"],
        curve=curves.over_seeds([one["curve"]]),
        variety=_variety(one["samples"]),
    )


def _mean(costs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Average the numbers over seeds; words are the first's."""
    return {
        name: float(np.mean([one[name] for one in costs if name in one]))
        if isinstance(value, float)
        else value
        for name, value in costs[0].items()
    }


@dataclass(frozen=True)
class ReportContents:
    """Everything that a report shows.

    Attributes:
        comparison: its registered name.
        question: what it is to answer.
        card: what is known of the image set.
        heldout: real images that no contender saw, each of another photo where several are made of one.
        contenders: in the comparison's order.
        table: the scores of contenders, real images and noise, from the evaluation room.
        provenance: `command`, `git_commit`, `machine`, `python`, `version.<package>`, ...
        claims: what somebody expects of the comparison.
        claims_about: the name of the image set that these are about; empty for any.
    """

    comparison: str
    question: str
    card: Mapping[str, Any]
    heldout: Images
    contenders: Sequence[ContenderReport]
    table: pd.DataFrame
    provenance: Mapping[str, Any]
    claims: Sequence[Claim] = ()
    claims_about: str = ""

    @cached_property
    def looks(self) -> dict[str, Look]:
        """How each contender is drawn."""
        return looks(c.name for c in self.contenders)

    def by_seed(self, column: ScoreColumn) -> dict[str, chances.Seeds]:
        """Return one score, its standard error and the part that seeds have in common for each seed, of the contenders that
        have it for every one."""
        return {
            c.name: [_left_open(seed.scores[column.name], column.kind.share) for seed in c.seeds]
            for c in self.contenders
            if all(column.name in seed.scores for seed in c.seeds)
        }

    @cached_property
    def board(self) -> Scoreboard:
        """All scores in order."""
        return scoreboard(self.table, {c.name: c.scores for c in self.contenders}, self.failures)

    def standings(self, column: ScoreColumn) -> list[Standing]:
        """Return every contender's standing by one score."""
        return [
            Standing(
                c.name,
                **asdict(self.board.cell(c.name, column.name)),
                status=self.failures[c.name].status if c.name in self.failures else "finished",
                cost=c.cost,
            )
            for c in self.contenders
        ]

    @cached_property
    def failures(self) -> dict[str, Failure]:
        """What went wrong, by contender, with any of its seeds: a mean over seeds hides it, or puts all down to one."""
        found = {}
        for contender in self.contenders:
            each = [self._failure(seed) for seed in contender.seeds]
            wrong = [one for one in each if one]
            if wrong:
                status = wrong[0][0] if len({status for status, _ in wrong}) == 1 else "failed"
                always = len(wrong) == len(each)
                where = "" if always else f" in {len(wrong)} of {len(each)} seeds"
                found[contender.name] = Failure(status + where, wrong[0][1], always)
        return found

    def _failure(self, seed: SeedReport) -> tuple[str, str] | None:
        """Say what went wrong with one training, and why; None where nothing did.

        It `failed to learn` where samples are not surely better than noise by the first score or in how many are valid
        squares, or are no better than those of the untrained contender.
        """
        idle = seed.curve is not None and not seed.curve.learnt
        reason = UNTRAINED if idle else self._why_unlearnt(seed)
        if reason and (seed.status in HEALTHY or (seed.status == "collapsed" and idle)):
            return FAILED_TO_LEARN, reason
        if seed.status not in HEALTHY:
            return seed.status, seed.evidence
        if seed.variety is not None and seed.variety < COLLAPSED_BELOW * self._real_variety:
            return "collapsed", ALIKE
        return None

    def _why_unlearnt(self, seed: SeedReport) -> str | None:
        """Say by which score samples are not surely better than noise: the first, or the share of valid squares."""
        for row in self.table[self.table["kind"] == "noise"].to_dict("records"):
            for name in [*list(seed.scores)[:1], "squares_valid"]:
                own, ends = seed.scores.get(name), (row.get(f"{name}_low"), row.get(f"{name}_high"))
                if own is None or surely_better((own["low"], own["high"]), ends, own["better"]):
                    continue
                if name == "squares_valid" and own["value"] == 0:
                    return "None of its samples is a valid square."
                return f"By {name}, {number(own['value'])}, its samples are no better than noise, {number(row[name])}."
        return None

    @cached_property
    def _real_variety(self) -> float:
        return _variety(self.heldout)


def _left_open(score: Mapping[str, Any], share: bool) -> tuple[float, float, float]:
    """Of a share near 0 or 1 half-samples say too little: there Wilson's interval is the wider one."""
    error = score["standard_error"]
    if share:
        error = max(error, (score["high"] - score["low"]) / (2 * NORMAL_95))
    return score["value"], error, score.get("common_error", 0.0)


def _variety(images: Images) -> float:
    """Return how far pixels differ between images, as a standard deviation in grey levels."""
    return float(images.images.std(axis=0, dtype=np.float64).mean())
