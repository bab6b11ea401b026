"""What a model must know of its images. Nothing here imports torch."""

from __future__ import annotations

from dataclasses import dataclass

SMALLEST = 4
"""Side of the feature maps at which most families' halvings end."""


@dataclass(frozen=True)
class ImageShape:
    """Square images: channels (1 or 3), resolution (side in pixels), classes (0 where there are no labels)."""

    channels: int
    resolution: int
    classes: int = 0

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
