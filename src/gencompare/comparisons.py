"""What a comparison is. Those that can be run are declared in `conf/base/comparisons.yml`, yours beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from gencompare.config.budget import Budget
from gencompare.config.typed import Positive, SettingError, build, nearest, settings
from gencompare.evaluation.kinds import KINDS

NAME = re.compile(r"[a-z][a-z0-9_]*")
REPEAT = re.compile(r"_repeat\d+$")
"""How the name of a further seed's training ends, and no contender's may."""
MAIN, DEFAULT = "gan_compare", "__default__"
"""The comparison that is run where none is named, and what Kedro calls it then."""


def asked_for(pipelines: Iterable[str] | None) -> list[str]:
    """Return the names of the pipelines that a run was asked for, the default one by its own name."""
    return [MAIN if name == DEFAULT else name for name in pipelines or [DEFAULT]]


@dataclass(frozen=True)
class Training:
    """One contender trained with one seed: `repeat` more than the parameters' `seed`."""

    contender: str
    repeat: int = 0

    @property
    def name(self) -> str:
        """Name its folder and datasets: the contender's name, and the repeat where it is not the first."""
        return f"{self.contender}_repeat{self.repeat}" if self.repeat else self.contender


def _known_score(kind: str) -> str:
    if kind not in KINDS:
        raise ValueError(f"no such score; {nearest(kind, KINDS)}")
    return kind


Several = Annotated[tuple[str, ...], Field(min_length=2)]


@settings
class Claim:
    """What somebody expects of a comparison, as scores can judge it: one of `order`, `equal`, `learns` and `fails`.

    Attributes:
        says: the expectation in words, for the report.
        order: contenders, each of them better than the next.
        equal: contenders of which none scores more than `within` times as much as another.
        within: how many times, with `equal` alone; 1.15 is 15% more.
        learns: a contender that learns within its budget.
        fails: one that does not.
        score: kind of the score that judges; the one that the answer goes by where it is left out.
    """

    says: str
    order: Several | None = None
    equal: Several | None = None
    within: Annotated[float, Field(gt=1)] | None = None
    learns: str | None = None
    fails: str | None = None
    score: Annotated[str, AfterValidator(_known_score)] | None = None

    def __post_init__(self) -> None:
        forms = {name: getattr(self, name) for name in ("order", "equal", "learns", "fails")}
        if sum(form is not None for form in forms.values()) != 1:
            raise ValueError(f"give one of {', '.join(forms)}")
        if (self.equal is None) != (self.within is None):
            raise ValueError("equal needs within, such as within: 1.15, and nothing else has it")

    @property
    def contenders(self) -> tuple[str, ...]:
        """Those it is about."""
        return self.order or self.equal or tuple(one for one in (self.learns, self.fails) if one is not None)


@settings
class Comparison:
    """What is compared on what.

    Attributes:
        question: what the comparison is to answer, for the report.
        image_set: the image set it uses unless `dataset=NAME` says otherwise: its `name`, and settings of its own.
        contenders: names of blocks under `contenders` in the parameters.
        seeds: how many times each contender is trained, with seeds that follow each other.
        budget: of each contender's training; without one, each has its own `training.kimg`.
        evaluation: settings of scoring that this comparison has otherwise.
        claims: what somebody expects of it; the report judges each.
    """

    question: str
    image_set: dict[str, Any]
    contenders: Annotated[tuple[str, ...], Field(min_length=1)]
    seeds: Positive = 1
    budget: Budget | None = None
    evaluation: dict[str, Any] = Field(default_factory=dict)
    claims: tuple[Claim, ...] = ()

    @property
    def trainings(self) -> list[Training]:
        """Every training of the comparison, contender by contender."""
        return [Training(contender, repeat) for contender in self.contenders for repeat in range(self.seeds)]


# What works on one image set without training anything: samples of another tool, scored like a contender's.
SCORE = "score"
# The report across runs.
HISTORY = "history"
# Pages of results.
PUBLISH = "publish"
# Images from what was trained.
SAMPLE = "sample"
RESERVED = (SCORE, HISTORY, PUBLISH, SAMPLE, "trainings", "budgets")


def declared(blocks: Mapping[str, Any]) -> dict[str, Comparison]:
    """Check the blocks of `comparisons.yml` and return the comparisons by name.

    Raises:
        SettingError: for the first block that declares none.
    """
    comparisons = {}
    for name, block in blocks.items():
        if not NAME.fullmatch(str(name)) or name in RESERVED:
            raise SettingError(
                f"comparisons.{name}: a name is lower case letters, digits and _, and none of {', '.join(RESERVED)}"
            )
        comparison = build(Comparison, block, f"comparisons.{name}")
        if "name" not in comparison.image_set:
            raise SettingError(f"comparisons.{name}.image_set: must have a name, such as name: squares")
        check_contenders(comparison.contenders, f"comparisons.{name}.contenders")
        comparisons[name] = comparison
    return comparisons


def registered_names(comparisons: Iterable[str]) -> list[str]:
    """Return the names of all pipelines, sorted: one a comparison, the others, and the default."""
    return sorted([*comparisons, SCORE, HISTORY, PUBLISH, SAMPLE, DEFAULT])


def check_contenders(chosen: Iterable[str], where: str, known: Iterable[str] | None = None) -> None:
    """Refuse a contender that is named twice, or is not known.

    Raises:
        SettingError: naming it.
    """
    seen: set[str] = set()
    known = None if known is None else list(known)
    for name in chosen:
        if name in seen:
            raise SettingError(f"{where}: {name} stands there twice; for several seeds of it give seeds=N")
        if known is not None and name not in known:
            raise SettingError(f"{where}: {name or 'nothing'}: no such contender; {nearest(name, known)}")
        seen.add(name)
