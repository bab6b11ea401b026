"""What a model must know of its images."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ImageShape:
    """Square images: channels (1 or 3), resolution (side in pixels), classes (0 where there are no labels)."""

    channels: int
    resolution: int
    classes: int = 0

    @property
    def halvings(self) -> int:
        """How often the resolution, a power of two, can be halved down to 4 pixels."""
        return self.resolution.bit_length() - 3
