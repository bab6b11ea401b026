"""The one image format at every boundary, and its two conversions to and from what networks see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Images:
    """Images with what is known about each.

    Attributes:
        images: uint8 (N, H, W, C), C = 1 (grey) or 3 (RGB). May be a read-only memory map.
        labels: int64 (N,), or None where the source has none.
        factors: what else is known per image, each array with N rows: the generating factors of
            squares, the source photo of an augmented image.
    """

    images: np.ndarray
    labels: np.ndarray | None = None
    factors: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.images.dtype != np.uint8 or self.images.ndim != 4 or self.images.shape[3] not in (1, 3):
            raise ValueError(
                f"images must be uint8 (N, H, W, C) with C 1 or 3, not {self.images.dtype} {self.images.shape}"
            )
        if self.labels is not None and (self.labels.dtype != np.int64 or self.labels.shape != (len(self),)):
            raise ValueError(
                f"labels must be int64 ({len(self)},), not {self.labels.dtype} {self.labels.shape}"
            )
        for name, values in self.factors.items():
            if len(values) != len(self):
                raise ValueError(f"factor {name!r} has {len(values)} rows for {len(self)} images")

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class ImageSplits:
    """A prepared image set.

    Attributes:
        train: what contenders learn from.
        heldout: real images no contender sees: the reference of every reported score.
        card: what is known of the set as a whole, JSON-ready: at least `name`, `folder`, `classes`
            (list of names, empty where there are no labels), `resolution`, `channels`, `counts`,
            `fingerprint`, `sha256`.
    """

    train: Images
    heldout: Images
    card: dict[str, Any]


def drawn(count: int, of: int) -> np.ndarray:
    """Draw at most `count` of `of` positions at random, always the same ones, in their order: int64.

    The first ones would be of a few classes or photos where a set is sorted by them, evenly spaced ones where they take turns.
    """
    return np.sort(np.random.default_rng(0).permutation(of)[:count])


def to_network(images: np.ndarray) -> torch.Tensor:
    """Convert uint8 (N, H, W, C) to float32 (N, C, H, W) in [-1, 1]."""
    import torch

    return levels_to_network(torch.from_numpy(np.ascontiguousarray(images)))


def levels_to_network(levels: torch.Tensor) -> torch.Tensor:
    """Convert a tensor of images, uint8 (N, H, W, C), to float32 (N, C, H, W) in [-1, 1], where it is."""
    return levels.permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)


def to_uint8(images: torch.Tensor) -> np.ndarray:
    """Convert float (N, C, H, W), clipped to [-1, 1], to uint8 (N, H, W, C): the inverse of `to_network`."""
    import torch

    levels = images.detach().float().clamp(-1.0, 1.0).add(1.0).mul(127.5).round()
    return levels.permute(0, 2, 3, 1).to(torch.uint8).cpu().contiguous().numpy()
