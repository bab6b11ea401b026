"""From parameters to settings objects: what a comparison will run, complete and checked before it starts."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gencompare.comparisons import Comparison, all_jobs
from gencompare.config.typed import SettingError, build, choose, nearest
from gencompare.evaluation import EvaluationSettings
from gencompare.evaluation.features import make_extractor
from gencompare.imagesets import IMAGE_SETS, ImageSet, make_image_set
from gencompare.imagesets.subset import Subset
from gencompare.models import MODELS
from gencompare.models.parts.shape import ImageShape
from gencompare.objectives import OBJECTIVES
from gencompare.sampling import SAMPLERS
from gencompare.training.settings import TrainingSettings

Values = dict[str, Any]

CONTENDER_PARTS = ("model", "objective", "sampler", "training", "images")
OVERRIDABLE = ("image_sets", "training", "contenders", "evaluation")


@dataclass(frozen=True)
class ContenderSettings:
    """One contender's settings objects.

    Attributes:
        name: what its training is called in its comparison.
        model, objective, sampler: from MODELS, OBJECTIVES and SAMPLERS.
        training: how it is trained.
        images: which training images it sees.
        seed: of initial weights, data order and noise.
    """

    name: str
    model: Any
    objective: Any
    sampler: Any
    training: TrainingSettings
    images: Subset
    seed: int


def make_contender(values: Mapping[str, Any]) -> ContenderSettings:
    """Make the settings objects of one contender of a plan.

    Raises:
        SettingError: for the first setting that cannot be used.
    """
    where = f"contenders.{values['contender']}"
    return ContenderSettings(
        name=values["name"],
        model=_named(MODELS, values["model"], f"{where}.model"),
        objective=_named(OBJECTIVES, values["objective"], f"{where}.objective"),
        sampler=_named(SAMPLERS, values["sampler"], f"{where}.sampler"),
        training=build(TrainingSettings, values["training"], f"{where}.training"),
        images=build(Subset, values.get("images", {}), f"{where}.images"),
        seed=values["seed"],
    )


def plan(parameters: Mapping[str, Any], given: Mapping[str, Any] | None = None) -> dict[str, Values]:
    """Work out the complete settings of every comparison from the parameters.

    Args:
        parameters: `dataset`, `seed`, `image_sets`, `training` (common to all contenders), `contenders`
            (one block each; `like: <other>` takes over another block's settings), `evaluation`, and
            `comparisons` (what one comparison has otherwise).
        given: parameters from the command line, which go before what a comparison has otherwise.

    Returns:
        For each comparison (and for scoring alone), `image_set`, `evaluation` and, for each of its trainings,
        `settings`.
    """
    special = parameters.get("comparisons", {})
    for name in special:
        choose(all_jobs(), name, "comparisons")
        for part in special[name]:
            choose(dict.fromkeys(OVERRIDABLE), part, f"comparisons.{name}")
    return {
        name: _plan_comparison(comparison, merge(merge(parameters, special.get(name, {})), given or {}))
        for name, comparison in all_jobs().items()
    }


def check(comparison: str, parameters: Mapping[str, Any]) -> None:
    """Refuse a comparison that cannot be run, before anything is prepared or trained.

    Args:
        comparison: its name.
        parameters: the complete parameters, with the plan of this comparison under its name.

    Raises:
        SettingError: in one line, for the first thing that is wrong.
    """
    image_set = _checked_image_set(parameters[comparison]["image_set"])
    _check_contender_names(parameters)
    scoring = build(EvaluationSettings, parameters[comparison]["evaluation"], "evaluation")
    make_extractor(scoring.extractor, scoring.weights)  # its weights may have to be fetched first
    if comparison == "score" and not Path(str(parameters["samples"])).expanduser().exists():
        raise SettingError(
            f"samples={parameters['samples']!r}: must be an existing folder of images, .npz or .npy file"
        )
    for training in all_jobs()[comparison].trainings:
        contender = make_contender(parameters[comparison][training.name]["settings"])
        # Channels and classes are known only once the images are prepared; training checks them again.
        contender.model.check(ImageShape(channels=3, resolution=image_set.resolution, classes=1))


def _checked_image_set(values: Mapping[str, Any]) -> ImageSet:
    """Make an image set and check its source, naming its settings as the user writes them."""
    try:
        image_set = make_image_set(values)
        image_set.check()
    except SettingError as error:
        raise SettingError(str(error).replace("image_set.", f"image_sets.{values['name']}.", 1)) from None
    return image_set


def _plan_comparison(comparison: Comparison, parameters: Mapping[str, Any]) -> Values:
    name = parameters.get("dataset") or comparison.image_set
    choose(IMAGE_SETS, name, "dataset")
    planned: Values = {
        "image_set": {"name": name} | parameters["image_sets"].get(name, {}),
        "evaluation": dict(parameters["evaluation"]),
    }
    for training in comparison.trainings:
        block = _block(training.contender, parameters["contenders"])
        block["training"] = merge(parameters["training"], block.get("training", {}))
        seed = parameters["seed"] + training.repeat
        facts = {"name": training.name, "contender": training.contender, "seed": seed}
        planned[training.name] = {"settings": facts | block}
    return planned


def _block(name: str, blocks: Mapping[str, Any]) -> Values:
    """Return one contender's block, with what it takes over from the block it is like."""
    if name not in blocks:
        raise SettingError(f"contenders.{name}: no such contender; {nearest(name, blocks)}")
    block = copy.deepcopy(dict(blocks[name]))
    other = block.pop("like", None)
    return merge(_block(other, blocks), block) if other else block


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> Values:
    """Merge nested mappings. A part that names another choice (`name`) replaces the part as a whole."""
    merged = copy.deepcopy(dict(base))
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        same_choice = both and value.get("name", merged[key].get("name")) == merged[key].get("name")
        merged[key] = merge(merged[key], value) if same_choice else copy.deepcopy(value)
    return merged


def _check_contender_names(parameters: Mapping[str, Any]) -> None:
    """Refuse a block that is no whole contender: the trace of a misspelt name on the command line."""
    blocks = parameters["contenders"]
    if not isinstance(blocks, Mapping):
        raise SettingError(
            f"contenders={blocks!r}: must be blocks of settings by name; "
            "a comparison's contenders are listed in comparisons.py"
        )
    whole = [name for name, block in blocks.items() if "model" in block or "like" in block]
    for name, block in blocks.items():
        if name not in whole:
            raise SettingError(f"contenders.{name}: no such contender; {nearest(name, whole)}")
        for part in block:
            if part not in (*CONTENDER_PARTS, "like"):
                raise SettingError(
                    f"contenders.{name}.{part}: no such setting; {nearest(part, CONTENDER_PARTS)}"
                )


def _named(registry: Mapping[str, Any], values: Mapping[str, Any], where: str) -> Any:
    """Make the settings object that `name` chooses from a registry."""
    if not isinstance(values, Mapping):
        raise SettingError(
            f"{where}={values!r}: must be a mapping with a name; known: {', '.join(sorted(registry))}"
        )
    fields = dict(values)
    chosen = choose(registry, fields.pop("name", None), f"{where}.name")
    return build(chosen, fields, where)
