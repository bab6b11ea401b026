"""The diffusion process that a denoising network belongs to: its noise schedule and what the network
predicts.

Notation of VDM (arXiv:2107.00630): x_k = alpha_k x_0 + sigma_k eps with alpha_k² + sigma_k² = 1. Step k
runs from 0 (clean: alpha 1, sigma 0) to `timesteps` (noise), so alpha_k² is DDPM's alpha_bar of its step k
- 1 counted from 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gencompare.models.settings import Prediction

OUTPUTS: dict[Prediction, int] = {"epsilon": 1, "velocity": 1, "dual": 3}
"""How many outputs a backbone has for each channel of its images."""


class Process(NamedTuple):
    """x_k = alpha[k] x_0 + sigma[k] eps, from k = 0 (clean) on."""

    alpha: Sequence[float]
    sigma: Sequence[float]


def alpha_bars(timesteps: int, shift: float = 1.0) -> Tensor:
    """alpha_bar of the cosine schedule at steps 0 (clean, 1) to `timesteps`: float64 (timesteps + 1,).

    Improved DDPM, arXiv:2102.09672, equation 17, with beta clipped at 0.999.

    shift: factor on the signal-to-noise amplitude alpha / sigma of every step: log SNR moves by 2 log(shift)
    (simple diffusion, arXiv:2301.11093, section 2.1). Below 1, more steps are spent on noisier images, where
    shapes are decided; the more pixels say the same, the smaller it should be.
    """
    times = torch.arange(timesteps + 1, dtype=torch.float64) / timesteps
    signal = torch.cos((times + 0.008) / 1.008 * math.pi / 2).square()
    beta = (1.0 - signal[1:] / signal[:-1]).clamp(max=0.999)
    kept = torch.cumprod(1.0 - beta, dim=0)
    shifted = shift**2 * kept / (shift**2 * kept + 1.0 - kept)
    return torch.cat([torch.ones(1, dtype=torch.float64), shifted])


class Denoiser(nn.Module):
    """A backbone with its diffusion process: all that a loss or a sampler must know to use its weights.

    Attributes:
        backbone: network from (noisy images (N, C, H, W), steps (N,) in 0 .. timesteps - 1, labels (N,) or
            None) to its outputs (N, C, H, W), or (N, 3 C, H, W) where dual. Label `classes` stands for "no
            label".
        prediction: what the backbone predicts: eps, the velocity alpha eps - sigma x_0
            (Salimans and Ho 2022, arXiv:2202.00512), or both the velocity and x_0 with a gate that chooses
            between them for every pixel, after which it is a velocity ("dual", after Benny and Wolf 2022,
            arXiv:2203.04304). Flat areas, such as a black background, come out clean by x_0: by velocity the
            network would have to hand the noise of every pixel on.
        classes: how many labels it is conditioned on, 0 for none.
        alpha, sigma: float32 (timesteps + 1,), and the same in double precision as `process`.
    """

    alpha: Tensor
    sigma: Tensor

    def __init__(
        self, backbone: nn.Module, *, alpha_bar: Tensor, prediction: Prediction, classes: int = 0
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.prediction = prediction
        self.timesteps = len(alpha_bar) - 1
        self.classes = classes
        self.process = Process(alpha_bar.sqrt().tolist(), (1.0 - alpha_bar).sqrt().tolist())
        self.register_buffer("alpha", alpha_bar.sqrt().float(), persistent=False)
        self.register_buffer("sigma", (1.0 - alpha_bar).sqrt().float(), persistent=False)

    def forward(self, noisy: Tensor, step: Tensor, labels: Tensor | None = None) -> Tensor:
        """The prediction, eps or velocity, for x_k (N, C, H, W) at steps k (N,) in 1 .. timesteps."""
        if self.classes and labels is None:
            labels = torch.full_like(step, self.classes)
        output = self.backbone(noisy, step - 1, labels if self.classes else None)
        return self._gated(noisy, step, output) if self.prediction == "dual" else output

    def _gated(self, noisy: Tensor, step: Tensor, output: Tensor) -> Tensor:
        """The velocity that follows from outputs (N, 3 C, H, W): velocity, x_0 and gate.

        The gate starts at odds of sigma for x_0, for the velocity that an error of x_0 makes is 1 / sigma times
        as large. Its gain, and that of x_0 before the tanh, only make both quick to settle at their ends.
        """
        velocity, clean, gate = output.chunk(3, dim=1)
        alpha, sigma = _column(self.alpha[step]), _column(self.sigma[step])
        share = torch.sigmoid(4.0 * gate + sigma.log())
        return (1.0 - share) * velocity + share * (alpha * noisy - torch.tanh(2.0 * clean)) / sigma

    def diffuse(self, images: Tensor, step: Tensor, noise: Tensor) -> Tensor:
        """x_k: a draw of q(x_k | x_0) (DDPM, equation 4)."""
        return _column(self.alpha[step]) * images + _column(self.sigma[step]) * noise

    def target(self, images: Tensor, step: Tensor, noise: Tensor) -> Tensor:
        """What the backbone should predict at x_k."""
        if self.prediction == "epsilon":
            return noise
        return _column(self.alpha[step]) * noise - _column(self.sigma[step]) * images

    def clean(self, noisy: Tensor, step: Tensor, output: Tensor) -> Tensor:
        """The estimate of x_0 that a raw prediction at x_k stands for."""
        alpha, sigma = _column(self.alpha[step]), _column(self.sigma[step])
        if self.prediction == "epsilon":
            return (noisy - sigma * output) / alpha
        return alpha * noisy - sigma * output


def _column(values: Tensor) -> Tensor:
    return values[:, None, None, None]
