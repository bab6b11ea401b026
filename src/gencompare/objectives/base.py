"""The contract between an objective and the training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class Batch:
    """What one training step sees.

    Attributes:
        images: float32 (N, C, H, W) in [-1, 1].
        labels: int64 (N,), or None where the image set has none.
        index: how many steps came before this one.
        progress: the share of the budget spent before this step, in [0, 1).
    """

    images: Tensor
    labels: Tensor | None
    index: int
    progress: float


class Objective(ABC):
    """How a contender learns from one batch.

    `step` yields (network name, scalar loss) pairs; for each pair, as it is yielded, the loop clears
    that network's gradients, runs backward, clips, takes the optimiser step and updates the average.
    So code after a `yield` already meets the updated network. Randomness comes from torch's global
    generator, which the loop seeds and checkpoints.

    Attributes:
        networks: every trainable network by name. Each has optimisers of its own.
        averaged: names of the networks whose exponential moving average makes the samples.
        metrics: detached scalars to log beside the losses, set anew by each step.
        lr_scale: factor on the learning rates, which `advance` may change.
        transfers: whether a stage goes on from the weights of the one before.
        period: after how many steps they cost the same again, where not all cost the same.
    """

    averaged: tuple[str, ...]
    lr_scale: float = 1.0
    transfers: bool = True
    period: int = 1

    def __init__(self, networks: Mapping[str, nn.Module]) -> None:
        self.networks = dict(networks)
        self.metrics: dict[str, Tensor] = {}

    @abstractmethod
    def step(self, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        """Yield (network name, scalar loss) pairs for one batch."""

    def advance(self, progress: float) -> bool:
        """Move the networks on to where they belong at this share of the budget.

        The loop calls it before every step and again when it goes on from a checkpoint. True begins a new
        stage: a growing network's next resolution, a consistency model's tuning, a VQ-VAE's prior. The loop
        then keeps the averaged weights as those of the stage that has ended, and starts all optimisers anew.
        """
        return False
