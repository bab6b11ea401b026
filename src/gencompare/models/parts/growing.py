"""Networks that grow from 4 pixels a side to the full resolution while they train (arXiv:1710.10196, section 2)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from gencompare.models.parts.layers import enlarged, shrunk

WHOLE = 2**16
"""Where a stage's fade-in is complete."""


@dataclass(frozen=True)
class Stage:
    """Where a growing network stands.

    Attributes:
        level: 0 makes 4 pixels a side, every level more twice as many.
        fade: how far this level's layers are faded in, in parts of `WHOLE`.
    """

    level: int
    fade: int = WHOLE

    @property
    def alpha(self) -> float:
        """The share of this level in what is seen, against the level below: 0 to 1."""
        return self.fade / WHOLE

    @property
    def resolution(self) -> int:
        """Pixels a side."""
        return 4 * 2**self.level


def schedule(progress: float, growth: float, levels: int, fading: bool = True) -> Stage:
    """The stage at a share of the budget.

    The first `growth` of the budget is divided into equal phases: level 0 stable, then each level faded in and
    left stable in turn, up to the last level's fade-in. What remains is the last level's.

    Args:
        progress, growth: shares of the budget, in [0, 1) and (0, 1).
        levels: how many there are.
        fading: whether levels are faded in; without, each is there at once where its fade-in would begin.
    """
    phases = 2 * (levels - 1)
    phase, within = divmod(progress / growth * phases, 1.0)
    if phase >= phases:
        return Stage(levels - 1)
    fades = fading and phase % 2 == 1
    return Stage(int(phase + 1) // 2, int(within * WHOLE) if fades else WHOLE)


class Growing(nn.Module):
    """A network with a stage, fully grown when made. Its images always have the full resolution.

    Attributes:
        levels: how many stages' layers it has.
        growth: share of the budget after which the last level is faded in.
        lr_scales: factors on the learning rate, by resolution; 1 where none is given.
        fading: whether new levels are faded in.
        transfer: whether a new level goes on from the weights of the one before; without, from those it was made with.
        stage_numbers: the stage, int64 (2,). Whole numbers in a buffer travel with weights and checkpoints, and
            a moving average takes them as they are. They stay on the CPU, for it reads them at every step.
    """

    stage_numbers: Tensor

    def __init__(
        self,
        resolution: int,
        growth: float,
        lr_scales: dict[int, float],
        fading: bool = True,
        transfer: bool = True,
    ) -> None:
        super().__init__()
        self.levels = int(math.log2(resolution)) - 1
        self.growth = growth
        self.lr_scales = lr_scales
        self.fading = fading
        self.transfer = transfer
        self._made_with: dict[str, Tensor] | None = None
        self.register_buffer("stage_numbers", torch.tensor([self.levels - 1, WHOLE]))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move, as `to` does, all but the stage."""
        numbers = self.stage_numbers
        super()._apply(fn, recurse)
        self.stage_numbers = numbers
        return self

    @property
    def stage(self) -> Stage:
        return Stage(*self.stage_numbers.tolist())

    @stage.setter
    def stage(self, stage: Stage) -> None:
        self.stage_numbers.copy_(torch.tensor([stage.level, stage.fade]))

    @property
    def lr_scale(self) -> float:
        """The factor on the learning rate at this stage."""
        return self.lr_scales.get(self.stage.resolution, 1.0)

    def advance(self, progress: float) -> bool:
        """Take the stage that belongs to a share of the budget; say whether that is another resolution."""
        if (
            not self.transfer and self._made_with is None
        ):  # before the first step, or before a checkpoint is loaded
            self._made_with = {name: tensor.clone() for name, tensor in self.state_dict().items()}
        stage = schedule(progress, self.growth, self.levels, self.fading)
        grown = stage.level != self.stage.level
        if grown and self._made_with is not None:
            self.load_state_dict(self._made_with)
        self.stage = stage
        return grown

    def view(self, images: Tensor) -> Tensor:
        """Real images (N, C, R, R) with no more detail than the generator can make at this stage."""
        stage = self.stage
        small = shrunk(images, 2 ** (self.levels - 1 - stage.level))
        if stage.fade < WHOLE:
            small = torch.lerp(enlarged(shrunk(small, 2), 2), small, stage.alpha)
        return enlarged(small, 2 ** (self.levels - 1 - stage.level))
