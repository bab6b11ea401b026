"""The smallest objective that uses all of the contract: two networks, dropout, a batch norm, a metric."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from torch import Tensor, nn

from gencompare.imagesets.arrays import Images
from gencompare.objectives.base import Batch, Objective
from gencompare.training.progress import observing


class Toy(Objective):
    averaged = ("first",)

    def __init__(self) -> None:
        first = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.2), nn.Flatten(), nn.Linear(144, 1)
        )
        first.append(nn.Tanh())
        super().__init__({"first": first, "second": nn.Linear(1, 1)})

    def step(self, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        first, second = self.networks["first"], self.networks["second"]
        yield "first", (first(batch.images) - batch.images.mean()).square().mean()
        yield "second", (second(first(batch.images).detach()) - 1).square().mean()
        self.metrics = {"mean": batch.images.mean().detach()}


def toy_images(count: int = 50) -> Images:
    return Images(np.random.default_rng(0).integers(0, 256, (count, 8, 8, 1), dtype=np.uint8))


@contextmanager
def interrupted(stop_after: int) -> Iterator[None]:
    """Interrupt the training inside after that many history rows and one more, and see that it is."""
    rows = []

    def stop(_, row, kimg):
        rows.append(row)
        if len(rows) == stop_after + 1:
            raise KeyboardInterrupt

    with observing(stop), pytest.raises(KeyboardInterrupt):
        yield
