"""What would run: every comparison with all its settings, complete and checked, before anything is prepared."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import Field

from gencompare.comparisons import NAME, REPEAT, SCORE, Comparison, Training, check_contenders, declared
from gencompare.config.budget import read_budget
from gencompare.config.contender import plain, read_contender
from gencompare.config.layers import COMMAND_LINE, PARTS, Layered, Sources, Values
from gencompare.config.typed import (
    NonNegative,
    Positive,
    Seed,
    SettingError,
    build,
    choose,
    nearest,
    settings,
)
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.imagesets import IMAGE_SETS, make_image_set
from gencompare.training.settings import TrainingSettings

SECTIONS = ("training", "contenders", "image_sets", "evaluation")
"""Parameters that hold settings; the others are `Asked`."""


@settings
class Asked:
    """What a run is asked for, beside settings.

    Attributes:
        dataset: the image set, in place of the comparison's own.
        seed: of each contender's first training; every further one has one more.
        seeds: how many times each contender is trained, in place of the comparison's own number.
        chosen_contenders: those to compare, any there are, in place of the comparison's own.
        budget: of each contender's training, in place of the comparison's own.
        engine: address of a Dask scheduler whose workers do the work, in place of this machine's cores or cards.
        samples: what `score` scores.
        comparison: which one `history` follows or `publish` writes a page of.
        from_: `from`, which trained contender `sample` makes images of: `<comparison>.<contender>`.
        n: how many.
        labels: of which classes, by number or name, joined by +; those of the scored samples where None.
        pngs: whether to write each into a file of its own, too.
    """

    dataset: str | None = None
    seed: Seed = 0
    seeds: Positive | None = None
    chosen_contenders: tuple[str, ...] | None = None
    budget: dict[str, Any] | None = None
    engine: str | None = None
    samples: str | None = None
    comparison: str | None = None
    from_: str | None = Field(default=None, alias="from")
    n: Positive = 64
    labels: str | NonNegative | None = None
    pngs: bool = False


@dataclass(frozen=True)
class Planned:
    """One comparison as it would run, or scoring alone.

    Attributes:
        name: of the comparison.
        comparison: with the contenders, seeds and budget of this run; None for scoring alone.
        seed: of each contender's first training.
        image_set, evaluation: complete settings, and where each came from.
        contenders: the same of every contender, by name.
    """

    name: str
    comparison: Comparison | None
    seed: int
    image_set: Layered
    evaluation: Layered
    contenders: Mapping[str, Layered]

    @property
    def trainings(self) -> list[Training]:
        """Every training, contender by contender."""
        return self.comparison.trainings if self.comparison else []

    def settings(self, training: Training) -> Values:
        """Return a training's complete settings, JSON-ready.

        Where the budget is not given in images, `training.kimg` is None and `budget` says what it follows from.
        """
        facts = {
            "name": training.name,
            "contender": training.contender,
            "seed": self.seed + training.repeat,
        }
        return facts | self.contenders[training.contender].values

    def parameters(self) -> Values:
        """Return what its nodes get, under its name."""
        own = {"image_set": self.image_set.values, "evaluation": self.evaluation.values}
        return own | {training.name: {"settings": self.settings(training)} for training in self.trainings}


class Plan:
    """Everything that can be run, planned from what files and command line say.

    Args:
        sources: what they say.

    Raises:
        SettingError: in one line, for the first setting that cannot be used.
    """

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.asked = _asked(sources)
        _check_blocks(sources)
        self._blocks = [_with_named_image_sets(file.comparisons) for file in sources.files]
        merged = Layered()
        for file in self._blocks:
            merged.lay(file, "comparisons.yml")
        self.comparisons = {name: self._as_asked(one) for name, one in declared(merged.values).items()}
        for name, comparison in self.comparisons.items():
            check_contenders(comparison.contenders, f"comparisons.{name}.contenders", sources.contenders)
            for place, claim in enumerate(comparison.claims):
                check_contenders(claim.contenders, f"comparisons.{name}.claims.{place}", sources.contenders)

    @cached_property
    def planned(self) -> dict[str, Planned]:
        """Every comparison, and scoring alone, by name."""
        return {name: self.comparison(name) for name in (*self.comparisons, SCORE)}

    def comparison(self, name: str) -> Planned:
        """Plan one comparison, or scoring alone."""
        known = [*self.comparisons, SCORE]
        comparison = self.comparisons.get(choose(dict.fromkeys(known, name), name, "pipeline"))
        return Planned(
            name=name,
            comparison=comparison,
            seed=self.asked.seed,
            image_set=self._image_set(name, comparison),
            evaluation=self._evaluation(name),
            contenders={one: self.contender(one, comparison) for one in comparison.contenders}
            if comparison
            else {},
        )

    @property
    def request(self) -> Values:
        """What `sample` is asked for; `seed` is None where the command line gives none."""
        asked, seed = self.asked, self.asked.seed if "seed" in self.sources.given else None
        others = {name: getattr(asked, name) for name in ("dataset", "n", "labels", "pngs")}
        return {"from": asked.from_, "seed": seed, **others}

    def contender(self, name: str, comparison: Comparison | None = None) -> Layered:
        """Lay one contender's settings, defaults written out, under the budget of a comparison."""
        budget = comparison.budget.values() if comparison and comparison.budget else {}
        layered = self.sources.contender(name, {"kimg": budget["kimg"]} if "kimg" in budget else None)
        values = read_contender(layered.values, f"contenders.{name}").values()
        given = layered.origins.get("training.kimg") == COMMAND_LINE
        layered.complete(values)
        if budget and "kimg" not in budget and not given:
            layered.lay({"budget": budget, "training": {"kimg": None}}, "budget")
        return layered

    def _as_asked(self, comparison: Comparison) -> Comparison:
        """Put what the run is asked for in place of a comparison's own."""
        asked: dict[str, Any] = {}
        if self.asked.chosen_contenders is not None:
            check_contenders(self.asked.chosen_contenders, "--contenders", self.sources.contenders)
            asked["contenders"] = self.asked.chosen_contenders
        if self.asked.seeds is not None:
            asked["seeds"] = self.asked.seeds
        if self.asked.budget is not None:
            asked["budget"] = read_budget(self.asked.budget)
        return dataclasses.replace(comparison, **asked)

    def _image_set(self, name: str, comparison: Comparison | None) -> Layered:
        own_name = comparison.image_set["name"] if comparison else "squares"
        chosen = self.asked.dataset or own_name
        choose(IMAGE_SETS, chosen, "dataset")
        layered = Layered()
        layered.lay({"name": chosen}, COMMAND_LINE if self.asked.dataset else f"comparisons.{name}")
        for (values, origin), own in zip(
            self.sources.section("image_sets", chosen), self._own(name, "image_set"), strict=True
        ):
            layered.lay(values, origin)
            if chosen == own_name:
                layered.lay({k: v for k, v in own.items() if k != "name"}, f"comparisons.{name}")
        image_set = make_image_set(layered.values, f"image_sets.{chosen}")
        layered.complete({"name": chosen} | plain(dataclasses.asdict(image_set)))  # type: ignore[call-overload]
        return layered

    def _evaluation(self, name: str) -> Layered:
        layered = Layered()
        for (values, origin), own in zip(
            self.sources.section("evaluation"), self._own(name, "evaluation"), strict=True
        ):
            layered.lay(values, origin)
            layered.lay(own, f"comparisons.{name}")
        scoring = build(EvaluationSettings, layered.values, "evaluation")
        layered.complete(plain(dataclasses.asdict(scoring)))
        return layered

    def _own(self, name: str, part: str) -> list[Mapping[str, Any]]:
        """Return what each file's block of a comparison says of a part of it, and nothing of the command line."""
        return [file.get(name, {}).get(part) or {} for file in self._blocks] + [{}]


def _asked(sources: Sources) -> Asked:
    """Read what is asked for, and refuse parameters that there are not."""
    fields = [name.removesuffix("_") for name in Asked.__dataclass_fields__]
    asked = Layered()
    for file in (*sources.files, sources.command_line):
        for name in file.parameters:
            if name not in (*fields, *SECTIONS):
                raise SettingError(f"{name}: no such parameter; {nearest(name, (*fields, *SECTIONS))}")
        asked.lay({k: v for k, v in file.parameters.items() if k in fields}, file.name)
    chosen = asked.values.get("chosen_contenders")
    if isinstance(chosen, str):
        asked.values["chosen_contenders"] = [name.strip() for name in chosen.split(",")]
    return build(Asked, asked.values, "")


def _check_blocks(sources: Sources) -> None:
    """Refuse what is no section of settings or no block of a contender: the trace of a misspelt name."""
    for file in (*sources.files, sources.command_line):
        for section in SECTIONS:
            values = file.parameters.get(section)
            if values is not None and not isinstance(values, Mapping):
                raise SettingError(
                    f"{section}={values!r}: must be settings by name, such as {section}.NAME=VALUE"
                )
        for name, block in (file.parameters.get("image_sets") or {}).items():
            if name not in IMAGE_SETS:
                raise SettingError(f"image_sets.{name}: no such image set; {nearest(name, IMAGE_SETS)}")
            if block is not None and not isinstance(block, Mapping):
                raise SettingError(f"image_sets.{name}={block!r}: must be settings by name")
        for name, block in (file.parameters.get("contenders") or {}).items():
            _check_block(name, block)
    _check_training(sources.given.get("training") or {})
    for name in sources.contenders:
        sources.contender(name)


def _check_block(name: str, block: Any) -> None:
    """Refuse what is no block of a contender, or one of a name that no folder, node and training can have."""
    if not isinstance(block, Mapping):
        raise SettingError(f"contenders.{name}={block!r}: must be a block of {', '.join(PARTS)}")
    if not NAME.fullmatch(str(name)) or REPEAT.search(str(name)):
        raise SettingError(
            f"contenders.{name}: a name is lower case letters, digits and _, and does not end in _repeat and a "
            "number, as the further seeds of a contender do"
        )
    for part in block:
        if part not in (*PARTS, "like"):
            raise SettingError(f"contenders.{name}.{part}: no such setting; {nearest(part, PARTS)}")
    if not isinstance(block.get("like", ""), str):
        raise SettingError(f"contenders.{name}.like={block['like']!r}: must be a contender's name")


def _check_training(given: Values) -> None:
    """Refuse what the command line says of all trainings, or it would be said of the first contender. What several
    settings must be together, each contender tells for itself."""
    try:
        build(TrainingSettings, {"kimg": 1.0} | dict(given), "training")
    except SettingError as error:
        if not str(error).startswith("training: "):
            raise


def _with_named_image_sets(blocks: Mapping[str, Any]) -> Values:
    """Take `image_set: squares` for `image_set: {name: squares}`."""
    named = {}
    for name, block in blocks.items():
        if not isinstance(block, Mapping):
            raise SettingError(f"comparisons.{name}={block!r}: must be a block of settings")
        image_set = block.get("image_set")
        named[name] = dict(block) | ({"image_set": {"name": image_set}} if isinstance(image_set, str) else {})
    return named
