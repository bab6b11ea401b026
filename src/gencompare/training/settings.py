"""How one contender is trained, as settings. Nothing here imports torch."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic

from gencompare.config.typed import (
    Decay,
    Fraction,
    NonNegative,
    NonNegativeFloat,
    Positive,
    PositiveFloat,
    settings,
)

Optimiser = Literal["adam", "muon"]
Device = Literal["auto", "cpu", "cuda"]


@settings
class TrainingSettings:
    """How one contender is trained.

    Attributes:
        kimg: the budget, thousands of training images seen.
        batch_size: images a step.
        optimiser: adam; or muon for weights between hidden layers, beside Adam for what else there is.
        lr: Adam's learning rate, one for all networks or one by network name; Muon's is three times as large.
        betas: Adam's moment decays; the first is Muon's momentum too.
        warmup: share of the budget over which the learning rate rises from zero.
        decay_from: share of the budget after which it falls linearly to zero; 1 keeps it constant.
        clip_norm: largest gradient norm of a network; none leaves gradients as they are.
        ema_decay: decay of the weights' moving average, which makes the samples.
        horizontal_flip: mirror training images at random; only where mirror images are as real.
        channels_last: memory layout; faster for convolutions on CPUs and tensor cores.
        rows: history rows a budget.
        validations: points of the budget at which averaged weights are kept, beside its start: spaced by its
            logarithm, the last being the end. They are validated after training: the curve, and the best weights.
        validation_samples: images that each point is measured on; a third of them where one takes more than five
            evaluations of the network.
        sample_from: which weights make the samples, the last or the best; the last where none were kept.
        checkpoint_seconds: least time between checkpoints, which are written at history rows.
        device: auto takes CUDA where there is one.
        processes: that train it together, a core or a card each, all with an equal slice of every batch. Their
            weights are those of one process but for rounding, and sooner there where a step takes long.

    Raises:
        ValueError: if they cannot share a batch equally.
    """

    kimg: PositiveFloat = 30.0
    batch_size: Positive = 64
    optimiser: Optimiser = "adam"
    lr: PositiveFloat | dict[str, PositiveFloat] = 2e-4
    betas: tuple[Decay, Decay] = (0.5, 0.99)
    warmup: Fraction = 0.0
    decay_from: Fraction = 0.5
    clip_norm: PositiveFloat | None = None
    ema_decay: Decay = 0.999
    horizontal_flip: bool = False
    channels_last: bool = True
    rows: Positive = 200
    validations: NonNegative = 6
    validation_samples: Annotated[int, pydantic.Field(ge=48)] = 192
    sample_from: Literal["last", "best"] = "last"
    checkpoint_seconds: NonNegativeFloat = 30.0
    device: Device = "auto"
    processes: Positive = 1

    def __post_init__(self) -> None:
        if self.batch_size % self.processes:
            raise ValueError(
                f"processes={self.processes}: cannot share a batch of batch_size={self.batch_size} equally; choose a"
                " divisor of it"
            )
