"""Differentiable augmentation (DiffAugment: Zhao et al. 2020, arXiv:2006.10738), for training on few images.

Each function takes float images (N, C, H, W) in [-1, 1] and returns as many of the same shape, every image
changed by its own draw from torch's global generator. Gradients flow to the images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.nn import functional as F

from gencompare.objectives.settings import Augmentation

MOVED, CUT_OUT = 0.125, 0.5
"""Shares of the side by which images are moved at most, and that is cut out."""


def augment(images: Tensor, names: Iterable[Augmentation]) -> Tensor:
    """Apply augmentations by name, in this order. No names, no change."""
    for name in names:
        images = AUGMENTATIONS[name](images)
    return images


def color(images: Tensor) -> Tensor:
    """Shift brightness by up to 0.5, then scale saturation by 0 to 2 and contrast by 0.5 to 1.5."""
    images = images + (_uniform(images) - 0.5)
    grey = images.mean(1, keepdim=True)
    images = grey + (images - grey) * (2.0 * _uniform(images))
    mean = images.mean((1, 2, 3), keepdim=True)
    return mean + (images - mean) * (_uniform(images) + 0.5)


def translation(images: Tensor) -> Tensor:
    """Move by up to an eighth of the side along each axis; what comes in is mid-grey (0)."""
    n, _, height, width = images.shape
    most_down, most_right = round(height * MOVED), round(width * MOVED)
    down, right = _whole(images, most_down), _whole(images, most_right)
    padded = F.pad(images, (most_right, most_right, most_down, most_down)).permute(0, 2, 3, 1)
    image = torch.arange(n, device=images.device)[:, None, None]
    row = torch.arange(height, device=images.device)[None, :, None] + most_down - down
    column = torch.arange(width, device=images.device)[None, None, :] + most_right - right
    return padded[image, row, column].permute(0, 3, 1, 2)


def cutout(images: Tensor) -> Tensor:
    """Grey out a square of half the side, centred anywhere in the image."""
    height, width = images.shape[2:]
    inside = _covered(images, height)[:, :, None] & _covered(images, width)[:, None, :]
    return images * ~inside[:, None]


AUGMENTATIONS: dict[Augmentation, Callable[[Tensor], Tensor]] = {
    "color": color,
    "translation": translation,
    "cutout": cutout,
}


def _uniform(images: Tensor) -> Tensor:
    return torch.rand(len(images), 1, 1, 1, device=images.device, dtype=images.dtype)


def _whole(images: Tensor, most: int) -> Tensor:
    """Whole numbers from -most to most: int64 (N, 1, 1)."""
    return torch.randint(-most, most + 1, (len(images), 1, 1), device=images.device)


def _covered(images: Tensor, side: int) -> Tensor:
    """Which positions along one axis an interval centred anywhere covers: bool (N, side)."""
    length = round(side * CUT_OUT)
    start = torch.randint(0, side + 1, (len(images), 1), device=images.device) - length // 2
    position = torch.arange(side, device=images.device)
    return (position >= start) & (position < start + length)
