"""Cheap signs of how a GAN fares, from one batch of real and one of fake images."""

from __future__ import annotations

import torch
from torch import Tensor

COMPARED_IMAGES = 32
"""So many images of a batch are compared pair by pair."""


@torch.no_grad()
def variety(fake: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """Diversity and distinctness of fakes beside real images, from the distances of all pairs of each.

    Diversity is the root mean square distance between two fakes over that between two real images: 1 as the real
    ones, 0 all the same. Distinctness is the median distance from a fake to the fake nearest to it over that of real
    images: near 0 where fakes come in a few kinds that are repeated within a batch, however far apart these are.

    Args:
        fake, real: (N, C, H, W); the first `COMPARED_IMAGES` of each are compared.
    """
    fakes, reals = _squared_distances(fake), _squared_distances(real)
    diversity = (_mean_of_pairs(fakes) / _mean_of_pairs(reals).clamp(min=1e-12)).sqrt()
    return diversity, _to_nearest(fakes) / _to_nearest(reals).clamp(min=1e-6)


@torch.no_grad()
def ranked_above(high: Tensor, low: Tensor) -> Tensor:
    """The chance that a number of `high` (N,) exceeds one of `low` (M,), ties counted half."""
    difference = high[:, None] - low[None, :]
    return 0.5 * (difference.sign().mean() + 1.0)


def _squared_distances(images: Tensor) -> Tensor:
    """Between all pairs, (N, N), by ‖x‖² + ‖y‖² - 2 x·y, for one matrix product costs the least."""
    flat = images[:COMPARED_IMAGES].float().flatten(1)
    flat = flat - flat[0]  # the products keep their precision where all images are nearly alike
    products = flat @ flat.T
    squares = products.diagonal()
    return (squares[:, None] + squares - 2.0 * products).clamp_(min=0.0)


def _mean_of_pairs(squared: Tensor) -> Tensor:
    return squared.sum() / max(len(squared) * (len(squared) - 1), 1)


def _to_nearest(squared: Tensor) -> Tensor:
    """The median distance to the nearest other; overwrites the diagonal."""
    return squared.fill_diagonal_(torch.inf).amin(1).median().sqrt()
