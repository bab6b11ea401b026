"""Cheap signs of how a GAN fares, from one batch of real and one of fake images."""

from __future__ import annotations

import torch
from torch import Tensor

COMPARED_IMAGES = 64
"""So many images of a batch are compared pair by pair."""


@torch.no_grad()
def diversity(fake: Tensor, real: Tensor) -> Tensor:
    """Root mean square distance between two fakes, over that between two real images.

    Args:
        fake, real: (N, C, H, W); 1 means as diverse as the real ones, 0 that all fakes are the same.
    """
    return (_spread(fake) / _spread(real).clamp(min=1e-12)).sqrt()


@torch.no_grad()
def distinctness(fake: Tensor, real: Tensor) -> Tensor:
    """Median distance from a fake to the fake nearest to it, over that of real images.

    Near 0 where fakes come in a few kinds that are repeated within a batch, however far apart the kinds are.
    """
    return _nearest(fake).median() / _nearest(real).median().clamp(min=1e-6)


@torch.no_grad()
def ranked_above(high: Tensor, low: Tensor) -> Tensor:
    """The chance that a number of `high` (N,) exceeds one of `low` (M,), ties counted half."""
    difference = high[:, None] - low[None, :]
    return 0.5 * (difference.sign().mean() + 1.0)


def _spread(images: Tensor) -> Tensor:
    """Half the mean squared distance between two images: the sum of the pixels' variances."""
    flat = images.float().flatten(1)
    return (flat - flat.mean(0)).square().sum() / max(len(flat) - 1, 1)  # var(0) takes 20 times as long


def _nearest(images: Tensor) -> Tensor:
    flat = images[:COMPARED_IMAGES].float().flatten(1)
    distances = torch.cdist(
        flat, flat, compute_mode="use_mm_for_euclid_dist"
    )  # the default takes 10 times as long
    return distances.fill_diagonal_(torch.inf).amin(1)
