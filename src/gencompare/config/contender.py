"""One contender's settings as objects, and written out in full."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gencompare.config.layers import PARTS, Values
from gencompare.config.typed import SettingError, build, choose
from gencompare.imagesets.subset import Subset
from gencompare.models import MODELS
from gencompare.objectives import OBJECTIVES
from gencompare.sampling import SAMPLERS
from gencompare.training.settings import TrainingSettings

CHOICES: dict[str, Mapping[str, type]] = {"model": MODELS, "objective": OBJECTIVES, "sampler": SAMPLERS}
CLASSES: dict[str, type] = {"training": TrainingSettings, "images": Subset}


@dataclass(frozen=True)
class Contender:
    """Settings objects of one contender.

    Attributes:
        model, objective, sampler: of a class in MODELS, OBJECTIVES and SAMPLERS.
        training: how it is trained.
        images: which training images it sees.
    """

    model: Any
    objective: Any
    sampler: Any
    training: TrainingSettings
    images: Subset

    def values(self) -> Values:
        """Return every setting, class defaults too, JSON-ready: what `read_contender` takes."""
        values: Values = {}
        for part in PARTS:
            chosen = getattr(self, part)
            values[part] = plain(dataclasses.asdict(chosen))
            if part in CHOICES:
                names = (name for name, cls in CHOICES[part].items() if cls is type(chosen))
                values[part] = {"name": next(names)} | values[part]
        return values


def read_contender(values: Mapping[str, Any], where: str = "contender") -> Contender:
    """Make a contender of its settings; those left out take their class's defaults.

    Args:
        values: `model`, `objective`, `sampler`, each with the `name` of a choice, `training` and `images`.
        where: the dotted name of these values, for error messages.

    Raises:
        SettingError: for the first setting that cannot be used, naming it.
    """
    parts = {part: _chosen(CHOICES[part], values.get(part), f"{where}.{part}") for part in CHOICES}
    parts |= {part: build(cls, values.get(part, {}), f"{where}.{part}") for part, cls in CLASSES.items()}
    return Contender(**parts)


def _chosen(classes: Mapping[str, type], values: Any, where: str) -> Any:
    """Make the settings object that `name` chooses."""
    if not isinstance(values, Mapping):
        known = ", ".join(sorted(classes))
        raise SettingError(f"{where}={values!r}: must be a mapping with a name; known: {known}")
    fields = {name: value for name, value in values.items() if name != "name"}
    return build(choose(classes, values.get("name"), f"{where}.name"), fields, where)


def plain(value: Any) -> Any:
    """Turn tuples into lists and keys into text, as JSON does."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
