"""The denoising objective of diffusion models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gencompare.config.typed import Fraction, PositiveFloat, settings
from gencompare.models.parts.diffusion import Denoiser
from gencompare.models.parts.lookup import require
from gencompare.objectives.base import Batch, Objective


class LogNormal(NamedTuple):
    """How noisy the images to learn from are: log(sigma / alpha) is normal (EDM, arXiv:2206.00364, section 5)."""

    mean: float
    deviation: PositiveFloat


def drawn_steps(denoiser: Denoiser, count: int, noise: LogNormal | None) -> Tensor:
    """Steps 1 .. timesteps, int64 (count,): one draw from each of `count` equally likely parts of the range.

    Where no noise is asked for, every step is as likely. One draw from each part lowers the loss's variance
    within a batch (VDM, arXiv:2107.00630, appendix I.1).
    """
    device = denoiser.sigma.device
    places = (torch.arange(count, device=device) + torch.rand(count, device=device)) / count
    if noise is None:
        steps = (places * denoiser.timesteps).long()
    else:
        log_noise = (denoiser.sigma[1:] / denoiser.alpha[1:]).log()  # (timesteps,), rising
        steps = torch.searchsorted(log_noise, noise.mean + noise.deviation * torch.special.ndtri(places))
    return steps.clamp(max=denoiser.timesteps - 1) + 1


def min_snr_weights(denoiser: Denoiser, step: Tensor, gamma: float) -> Tensor:
    """Weights (N,) that turn an error of the prediction into one of x_0, times min(SNR, gamma).

    Min-SNR-gamma (arXiv:2303.09556, section 3.4): an error of eps is SNR times that of x_0, one of the
    velocity SNR + 1 times.
    """
    snr = (denoiser.alpha[step] / denoiser.sigma[step]).square()
    return snr.clamp(max=gamma) / (snr if denoiser.prediction == "epsilon" else snr + 1.0)


@settings
class Denoising:
    """Mean squared error of what the network predicts (DDPM, arXiv:2006.11239, equation 14).

    Attributes:
        noise: mean and deviation of log(sigma / alpha) of the images to learn from; none draws all steps alike.
            What a network learns from nearly clean images and from nearly pure noise is soon learnt, or never.
        min_snr: gamma of min-SNR weighting; none weights all steps alike.
        label_dropout: share of labels hidden from a conditional network, so that it also learns the
            unconditional prediction that guidance needs (arXiv:2207.12598, algorithm 1).
    """

    noise: LogNormal | None = None
    min_snr: PositiveFloat | None = None
    label_dropout: Fraction = 0.1

    def objective(self, networks: Mapping[str, nn.Module]) -> Objective:
        return DenoisingObjective(networks, self)


class DenoisingObjective(Objective):
    """One step on a batch noised to random steps."""

    averaged = ("denoiser",)

    def __init__(self, networks: Mapping[str, nn.Module], config: Denoising) -> None:
        super().__init__(networks)
        self.denoiser = require(networks, "denoiser", Denoiser, "objective.name='denoising'")
        self.config = config

    def step(self, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        images, denoiser = batch.images, self.denoiser
        step = drawn_steps(denoiser, len(images), self.config.noise)
        noise = torch.randn_like(images)
        labels = self._labels(batch.labels)
        output = denoiser(denoiser.diffuse(images, step, noise), step, labels)
        error = (output - denoiser.target(images, step, noise)).square().flatten(1).mean(dim=1)
        if self.config.min_snr is not None:
            error = error * min_snr_weights(denoiser, step, self.config.min_snr)
        yield "denoiser", error.mean()

    def _labels(self, labels: Tensor | None) -> Tensor | None:
        if labels is None or not self.denoiser.classes:
            return None
        hidden = torch.rand(len(labels), device=labels.device) < self.config.label_dropout
        return labels.masked_fill(hidden, self.denoiser.classes)
