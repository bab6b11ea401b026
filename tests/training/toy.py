"""The smallest objective that uses all of the contract: two networks, dropout, a batch norm, a metric."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gencompare.imagesets.arrays import Images
from gencompare.objectives.base import Batch, Objective
from gencompare.training.loop import Trained
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


def same_end(run: Callable[[Path], Trained], folder: Path, stop_after: int) -> Trained:
    """See that a training, interrupted and gone on with, ends with the bytes of one that was not; return that one.

    Args:
        run: trains in a folder.
    """
    whole = run(folder / "whole")
    with interrupted(stop_after):
        run(folder / "cut")
    resumed = run(folder / "cut")
    assert all(torch.equal(resumed.weights[key], value) for key, value in whole.weights.items())
    assert whole.history.equals(resumed.history)
    assert list(whole.stages) == list(resumed.stages)
    for steps, weights in whole.stages.items():
        assert all(torch.equal(resumed.stages[steps][key], value) for key, value in weights.items())
    return whole
