"""What a model must know of its images. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

SMALLEST = 4
"""Side of the feature maps at which most families' halvings end."""


@dataclass(frozen=True)
class ImageShape:
    """Square images: channels (1 or 3), resolution (side in pixels), classes (0 where there are no labels)."""

    channels: int
    resolution: int
    classes: int = 0

    @classmethod
    def of(cls, card: Mapping[str, Any]) -> Self:
        """Read it off what is said of images: their channels and resolution, and the names of their classes."""
        return cls(card["channels"], card["resolution"], len(card["classes"]))

    @property
    def halvings(self) -> int:
        """How often the resolution, a power of two, can be halved down to SMALLEST pixels."""
        return self.halvings_to(SMALLEST)

    def halvings_to(self, side: int) -> int:
        """How often the resolution can be halved before it is smaller than a side."""
        return max(0, (self.resolution // side).bit_length() - 1)

    def classes_if(self, conditional: bool) -> int:
        """How many labels networks are conditioned on, 0 for none."""
        return self.classes if conditional else 0
