"""The denoising objective of diffusion models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from gencompare.models.blocks import require
from gencompare.models.diffusion import Denoiser
from gencompare.objectives.base import Batch, Objective
from gencompare.typed import settings


def stratified_steps(count: int, timesteps: int, device: torch.device) -> Tensor:
    """Steps 1 .. timesteps, int64 (count,): one uniform draw from each of `count` equal parts of the range.

    Lowers the loss's variance within a batch (VDM, arXiv:2107.00630, appendix I.1).
    """
    places = (torch.arange(count, device=device) + torch.rand(count, device=device)) / count
    return (places * timesteps).long().clamp(max=timesteps - 1) + 1


@settings
class Denoising:
    """Mean squared error of what the network predicts (DDPM, arXiv:2006.11239, equation 14)."""

    def objective(self, networks: Mapping[str, nn.Module]) -> Objective:
        return DenoisingObjective(networks)


class DenoisingObjective(Objective):
    """One step on a batch noised to stratified random steps."""

    averaged = ("denoiser",)

    def __init__(self, networks: Mapping[str, nn.Module]) -> None:
        super().__init__(networks)
        self.denoiser = require(networks, "denoiser", Denoiser, "objective.name='denoising'")

    def step(self, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        images, denoiser = batch.images, self.denoiser
        step = stratified_steps(len(images), denoiser.timesteps, images.device)
        noise = torch.randn_like(images)
        output = denoiser(denoiser.diffuse(images, step, noise), step, batch.labels)
        yield "denoiser", (output - denoiser.target(images, step, noise)).square().mean()
