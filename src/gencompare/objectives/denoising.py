"""The denoising objective of diffusion models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from gencompare.config.typed import SettingError
from gencompare.models.parts.diffusion import Denoiser
from gencompare.models.parts.lookup import require
from gencompare.objectives.base import Batch, Objective
from gencompare.objectives.settings import Denoising, LogNormal


def drawn_steps(denoiser: Denoiser, count: int, noise: LogNormal | None) -> Tensor:
    """Steps 1 .. timesteps, int64 (count,): one draw from each of `count` equally likely parts of the range.

    Where no noise is asked for, every step is as likely. One draw from each part lowers the loss's variance
    within a batch (stratified; VDM, arXiv:2107.00630, appendix I.1, shifts one draw instead).
    """
    device = denoiser.sigma.device
    places = (torch.arange(count, device=device) + torch.rand(count, device=device)) / count
    if noise is None:
        steps = (places * denoiser.timesteps).long()
    else:
        log_noise = (denoiser.sigma[1:] / denoiser.alpha[1:]).log()  # (timesteps,), rising
        steps = torch.searchsorted(log_noise, noise.mean + noise.deviation * torch.special.ndtri(places))
    return steps.clamp(max=denoiser.timesteps - 1) + 1


def transported(images: Tensor, noise: Tensor) -> Tensor:
    """The noise (N, C, H, W) in the order in which it is nearest to the images, summed over squared distances.

    Exact optimal transport within the batch (arXiv:2302.00482, section 3.2).
    """
    products = (
        images.flatten(1) @ noise.flatten(1).T
    )  # the squared distances, up to what any pairing has alike
    from scipy.optimize import linear_sum_assignment  # which no command waits for

    _, order = linear_sum_assignment(products.cpu().numpy(), maximize=True)
    return noise[torch.from_numpy(order).to(noise.device)]


class DenoisingObjective(Objective):
    """One step on a batch noised to random steps.

    Raises:
        SettingError: for optimal transport with labels, which would tell a conditional network the noise.
    """

    name: ClassVar[str] = "denoising"
    averaged = ("denoiser",)

    def __init__(self, networks: Mapping[str, nn.Module], config: Denoising) -> None:
        super().__init__(networks)
        self.denoiser = require(networks, "denoiser", Denoiser, f"objective.name={self.name!r}")
        self.config = config
        if config.pairing == "optimal_transport" and self.denoiser.classes:
            raise SettingError(
                "objective.pairing='optimal_transport': noise would go by label, and samples start from any;"
                " set it to random, or model.conditional to false"
            )

    def step(self, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        images, denoiser = batch.images, self.denoiser
        step = drawn_steps(denoiser, len(images), self.config.noise)
        noise = torch.randn_like(images)
        if self.config.pairing == "optimal_transport":
            noise = transported(images, noise)
        labels = self._labels(batch.labels)
        output = denoiser(denoiser.diffuse(images, step, noise), step, labels)
        error = (output - denoiser.target(images, step, noise)).square().flatten(1).mean(dim=1)
        yield "denoiser", error.mean()

    def _labels(self, labels: Tensor | None) -> Tensor | None:
        if labels is None or not self.denoiser.classes:
            return None
        hidden = torch.rand(len(labels), device=labels.device) < self.config.label_dropout
        return labels.masked_fill(hidden, self.denoiser.classes)
