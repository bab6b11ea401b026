"""What each contender of a comparison may spend on its training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gencompare.config.typed import PositiveFloat, build, settings

UNITS = {
    "minutes": "minutes of training on the worker that each has",
    "kimg": "thousands of training images",
    "petaflops": "10^15 floating point operations of training",
}


@settings
class Budget:
    """The same for all contenders, in one of three units; the other two are measured beside it, never assumed.

    Attributes:
        minutes: of training. How many images they are is measured once, before training, and written down.
        kimg: thousands of training images.
        petaflops: 10^15 floating point operations; how many images they are is counted before training.
    """

    minutes: PositiveFloat | None = None
    kimg: PositiveFloat | None = None
    petaflops: PositiveFloat | None = None

    def __post_init__(self) -> None:
        if len(self.values()) != 1:
            raise ValueError(f"give one of {', '.join(UNITS)}; given: {', '.join(self.values()) or 'none'}")

    @property
    def unit(self) -> str:
        """The unit it is given in."""
        (unit,) = self.values()
        return unit

    def values(self) -> dict[str, float]:
        """Return its unit and how many of it, as they are given."""
        return {unit: getattr(self, unit) for unit in UNITS if getattr(self, unit) is not None}

    def __str__(self) -> str:
        value = self.values()[self.unit]
        return f"{value:g} {self.unit.removesuffix('s') if value == 1 else self.unit}"


def read_budget(values: Mapping[str, Any]) -> Budget:
    """Read a budget, such as {minutes: 5}.

    Raises:
        SettingError: unless exactly one unit is given.
    """
    return build(Budget, values, "budget")


def in_force(settings: Mapping[str, Any], budget: Mapping[str, Any]) -> dict[str, Any]:
    """Put the images that a budget is, its `kimg`, into complete settings."""
    return {**settings, "training": {**settings["training"], "kimg": budget["kimg"]}}
