"""The process that a denoising network belongs to: how it turns images into noise, and what the network predicts.

x_k = alpha_k x_0 + sigma_k eps at steps k from 0 (clean: alpha 1, sigma 0) to `timesteps` (noise). Diffusion, flow
matching and EDM differ in these tables alone, so that one network, one loss and one set of solvers serve them all:

    cosine   alpha² + sigma² = 1, so that alpha_k² is DDPM's alpha_bar of its step k - 1 counted from 0
    flow     alpha = 1 - t, sigma = t: straight lines from noise to image (arXiv:2209.03003, equation 1)
    edm      alpha = 1, sigma up to 80: the image under ever more noise (arXiv:2206.00364)

What the network predicts as a velocity is alpha_rate x_0 + sigma_rate eps: at x_k it says as much as x_0 or eps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from gencompare.models.settings import Prediction, ProcessName

OUTPUTS: dict[Prediction, int] = {"epsilon": 1, "velocity": 1, "dual": 3}
"""How many outputs a backbone has for each channel of its images."""
SIGMA_DATA, SIGMA_MIN, SIGMA_MAX, RHO = 0.5, 0.002, 80.0, 7.0
"""EDM's constants (arXiv:2206.00364, table 1)."""


class Process(NamedTuple):
    """The tables of a process, one number for each step k = 0 .. timesteps.

    Attributes:
        alpha, sigma: x_k = alpha[k] x_0 + sigma[k] eps.
        alpha_rate, sigma_rate: of the velocity.
        scale: factor on x_k before the network sees it.
        told: what the network is told of the step.
        last: the last noisy step that a sampler visits before it is at step 0, or 0 to leave it to even spacing.
    """

    alpha: list[float]
    sigma: list[float]
    alpha_rate: list[float]
    sigma_rate: list[float]
    scale: list[float]
    told: list[float]
    last: int = 0

    def visited(self, steps: int) -> list[int]:
        """Evenly spread steps with both ends kept: steps + 1 of them, falling from `timesteps` to 0."""
        timesteps = len(self.alpha) - 1
        if self.last:
            return [*np.rint(np.linspace(timesteps, self.last, steps)).astype(int).tolist(), 0]
        return np.rint(timesteps * np.linspace(0.0, 1.0, steps + 1)).astype(int)[::-1].tolist()


def alpha_bars(timesteps: int, shift: float = 1.0) -> Tensor:
    """alpha_bar of the cosine schedule at steps 0 (clean, 1) to `timesteps`: float64 (timesteps + 1,).

    Improved DDPM, arXiv:2102.09672, equation 17, with beta clipped at 0.999.

    shift: factor on the signal-to-noise amplitude alpha / sigma of every step: log SNR moves by 2 log(shift)
    (simple diffusion, arXiv:2301.11093, section 2.1). Below 1, more steps are spent on noisier images, where
    shapes are decided; the more pixels say the same, the smaller it should be. Other processes take it alike.
    """
    times = torch.arange(timesteps + 1, dtype=torch.float64) / timesteps
    signal = torch.cos((times + 0.008) / 1.008 * math.pi / 2).square()
    beta = (1.0 - signal[1:] / signal[:-1]).clamp(max=0.999)
    kept = torch.cumprod(1.0 - beta, dim=0)
    shifted = shift**2 * kept / (shift**2 * kept + 1.0 - kept)
    return torch.cat([torch.ones(1, dtype=torch.float64), shifted])


def variance_preserving(alpha_bar: Tensor) -> Process:
    """Diffusion by alpha_bar, float64 (timesteps + 1,) from 1 on; velocity as in arXiv:2202.00512, appendix D."""
    alpha, sigma = alpha_bar.sqrt().tolist(), (1.0 - alpha_bar).sqrt().tolist()
    return Process(alpha, sigma, [-each for each in sigma], alpha, [1.0] * len(alpha), _counted(len(alpha)))


def cosine(timesteps: int, shift: float = 1.0) -> Process:
    """Diffusion with the cosine schedule (see `alpha_bars`)."""
    return variance_preserving(alpha_bars(timesteps, shift))


def flow(timesteps: int, shift: float = 1.0) -> Process:
    """Flow matching, t evenly spaced: the velocity dx/dt = eps - x_0 (arXiv:2210.02747, equation 23)."""
    times = torch.arange(timesteps + 1, dtype=torch.float64) / timesteps
    times = times / (times + shift * (1.0 - times))
    one = [1.0] * len(times)
    return Process(
        (1.0 - times).tolist(), times.tolist(), [-1.0] * len(times), one, one, _counted(len(times))
    )


def edm(timesteps: int, shift: float = 1.0) -> Process:
    """EDM: sigma on the rho grid (arXiv:2206.00364, equation 5), preconditioned (equation 7, table 1).

    Its F with D = c_skip x + c_out F(c_in x) is the velocity, negated, of an image divided by SIGMA_DATA whose
    noise turns by an angle; so mean squared error of it is D's, weighted by 1 / c_out². c_noise, log(sigma) / 4, is
    mapped to 0 .. timesteps - 1, which the network's embedding is made for.
    """
    ends = (SIGMA_MAX ** (1 / RHO), SIGMA_MIN ** (1 / RHO))
    grid = torch.linspace(ends[1], ends[0], timesteps, dtype=torch.float64) ** RHO / shift
    sigma = torch.cat([torch.zeros(1, dtype=torch.float64), grid])
    norm = (sigma.square() + SIGMA_DATA**2).sqrt()  # 1 / c_in
    log_noise = grid.log()
    told = (timesteps - 1) * (log_noise - log_noise[0]) / (log_noise[-1] - log_noise[0]).clamp(min=1e-9)
    return Process(
        alpha=[1.0] * len(sigma),
        sigma=sigma.tolist(),
        alpha_rate=(-sigma / (SIGMA_DATA * norm)).tolist(),
        sigma_rate=(SIGMA_DATA / norm).tolist(),
        scale=(1.0 / norm).tolist(),
        told=[0.0, *told.tolist()],
        last=1,
    )


TABLES = ("alpha", "sigma", "alpha_rate", "sigma_rate", "scale", "told")
PROCESSES: dict[ProcessName, Callable[[int, float], Process]] = {"cosine": cosine, "flow": flow, "edm": edm}


def _counted(length: int) -> list[float]:
    """Steps counted from 0, as DDPM's networks are told them."""
    return [float(max(k - 1, 0)) for k in range(length)]


class Denoiser(nn.Module):
    """A backbone with its process: all that a loss or a sampler must know to use its weights.

    Attributes:
        backbone: network from (noisy images (N, C, H, W), what it is told of their steps (N,), 0 .. timesteps - 1,
            labels (N,) or None) to its outputs (N, C, H, W), or (N, 3 C, H, W) where dual. Label `classes` stands
            for "no label".
        prediction: what the backbone predicts: eps, the velocity, or both the velocity and x_0 with a gate that
            chooses between them for every pixel, after which it is a velocity ("dual", after Benny and Wolf 2022,
            arXiv:2203.04304). Flat areas, such as a black background, come out clean by x_0: by velocity the
            network would have to hand the noise of every pixel on.
        process: its tables in double precision; the same as buffers, float32 (timesteps + 1,).
        classes: how many labels it is conditioned on, 0 for none.
        turn: the determinant of (x_0, eps) to (x_k, velocity), 1 but for EDM.
    """

    alpha: Tensor
    sigma: Tensor
    alpha_rate: Tensor
    sigma_rate: Tensor
    scale: Tensor
    told: Tensor
    turn: Tensor

    def __init__(
        self, backbone: nn.Module, *, process: Process, prediction: Prediction, classes: int = 0
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.prediction = prediction
        self.process = process
        self.timesteps = len(process.alpha) - 1
        self.classes = classes
        tables = {name: torch.tensor(getattr(process, name), dtype=torch.float64) for name in TABLES}
        turn = tables["alpha"] * tables["sigma_rate"] - tables["sigma"] * tables["alpha_rate"]
        for name, table in (tables | {"turn": turn}).items():
            self.register_buffer(name, table.float(), persistent=False)

    def forward(self, noisy: Tensor, step: Tensor, labels: Tensor | None = None) -> Tensor:
        """The prediction, eps or velocity, for x_k (N, C, H, W) at steps k (N,) in 1 .. timesteps."""
        if self.classes and labels is None:
            labels = torch.full_like(step, self.classes)
        seen = _column(self.scale[step]) * noisy
        output = self.backbone(seen, self.told[step], labels if self.classes else None)
        return self._gated(noisy, step, output) if self.prediction == "dual" else output

    def _gated(self, noisy: Tensor, step: Tensor, output: Tensor) -> Tensor:
        """The velocity that follows from outputs (N, 3 C, H, W): velocity, x_0 and gate.

        The gate starts at odds of sigma / turn for x_0, for the velocity that an error of x_0 makes is turn / sigma
        times as large. Its gain, and that of x_0 before the tanh, only make both quick to settle at their ends.
        """
        velocity, clean, gate = output.chunk(3, dim=1)
        sigma, turn = _column(self.sigma[step]), _column(self.turn[step])
        share = torch.sigmoid(4.0 * gate + (sigma / turn).log())
        by_clean = _column(self.sigma_rate[step]) * noisy - turn * torch.tanh(2.0 * clean)
        return (1.0 - share) * velocity + share * by_clean / sigma

    def diffuse(self, images: Tensor, step: Tensor, noise: Tensor) -> Tensor:
        """x_k: a draw of q(x_k | x_0) (DDPM, equation 4)."""
        return _column(self.alpha[step]) * images + _column(self.sigma[step]) * noise

    def target(self, images: Tensor, step: Tensor, noise: Tensor) -> Tensor:
        """What `forward` should give at x_k: eps, or the velocity, which a dual prediction comes to as well."""
        if self.prediction == "epsilon":
            return noise
        return _column(self.sigma_rate[step]) * noise + _column(self.alpha_rate[step]) * images

    def clean(self, noisy: Tensor, step: Tensor, output: Tensor) -> Tensor:
        """The estimate of x_0 that a raw prediction at x_k stands for."""
        sigma = _column(self.sigma[step])
        if self.prediction == "epsilon":
            return (noisy - sigma * output) / _column(self.alpha[step])
        return (_column(self.sigma_rate[step]) * noisy - sigma * output) / _column(self.turn[step])


def _column(values: Tensor) -> Tensor:
    return values[:, None, None, None]
