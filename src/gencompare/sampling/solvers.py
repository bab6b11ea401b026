"""Diffusion samplers as functions with one signature.

Each takes (denoise, process, grid, x, normal) and yields (x_k, estimate of x_0) for every visited step k,
last the sample twice. `denoise(x, k)` gives the estimates (x_0, eps) at step k; `grid` are the visited
steps, falling from the number of timesteps to 0; `normal(*shape)` draws noise (N, *shape). Every
coefficient is derived from the step that is visited next, so any grid is exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from torch import Tensor

from gencompare.models.parts.diffusion import Process

Denoise = Callable[[Tensor, int], tuple[Tensor, Tensor]]
Normal = Callable[..., Tensor]
States = Iterator[tuple[Tensor, Tensor]]


def posterior_deviation(process: Process, now: int, after: int) -> float:
    """Standard deviation of q(x_after | x_now, x_0) (DDPM, arXiv:2006.11239, equation 7)."""
    return process.sigma[after] / process.sigma[now] * math.sqrt(added_variance(process, now, after))


def added_variance(process: Process, now: int, after: int) -> float:
    """Variance of the noise that the process adds on its way from x_after to x_now: one step's beta in DDPM."""
    kept = process.alpha[now] / process.alpha[after]
    return process.sigma[now] ** 2 - (kept * process.sigma[after]) ** 2


def ddim(
    denoise: Denoise, process: Process, grid: Sequence[int], x: Tensor, normal: Normal, *, eta: float = 0.0
) -> States:
    """DDIM (arXiv:2010.02502, equation 12); eta 0 is deterministic, eta 1 draws from DDPM's posterior.

    Deterministic, it is Euler's method on dx = x_0 dalpha + eps dsigma: on a flow, the plain Euler method.
    """
    for now, after in zip(grid, grid[1:], strict=False):
        x0, eps = denoise(x, now)
        yield x, x0
        deviation = eta * posterior_deviation(process, now, after)
        x = process.alpha[after] * x0 + math.sqrt(process.sigma[after] ** 2 - deviation**2) * eps
        if deviation > 0:
            x = x + deviation * normal(*x.shape[1:])
    yield x, x


def ddim_inversion(
    denoise: Denoise, process: Process, grid: Sequence[int], x: Tensor, rounds: int = 5
) -> Tensor:
    """The noise from which deterministic DDIM leads to these images (arXiv:2010.02502, section 4.3).

    `grid` rises from 0. Each step back to x_k solves DDIM's step from x_k by fixed-point rounds, starting from the
    image that is already there: from its eps the step gives x_0 where there is more image, and from its x_0 eps where
    there is more noise, or a flow's last step, which is all noise, would lead nowhere.
    """
    for after, now in zip(grid, grid[1:], strict=False):
        alpha, sigma = process.alpha[after], process.sigma[after]
        guess = x
        for _ in range(rounds):
            x0, eps = denoise(guess, now)
            if sigma > 0.5 * alpha:
                eps = (x - alpha * x0) / sigma
            else:
                x0 = (x - sigma * eps) / alpha
            guess = process.alpha[now] * x0 + process.sigma[now] * eps
        x = guess
    return x


def ddpm(denoise: Denoise, process: Process, grid: Sequence[int], x: Tensor, normal: Normal) -> States:
    """Ancestral sampling (DDPM, arXiv:2006.11239, algorithm 2) with the posterior's variance, on any grid."""
    for now, after in zip(grid, grid[1:], strict=False):
        x0, _ = denoise(x, now)
        yield x, x0
        kept = process.alpha[now] / process.alpha[after]
        forward = added_variance(process, now, after)
        rest = process.sigma[now] ** 2
        x = (process.alpha[after] * forward / rest) * x0 + (kept * process.sigma[after] ** 2 / rest) * x
        if after > 0:
            x = x + posterior_deviation(process, now, after) * normal(*x.shape[1:])
    yield x, x


def dpm_solver(denoise: Denoise, process: Process, grid: Sequence[int], x: Tensor, normal: Normal) -> States:
    """DPM-Solver++(2M) (arXiv:2211.01095, algorithm 2): second order, one evaluation a step."""
    log_snr = [
        math.log(alpha / sigma) if alpha else -math.inf  # a flow starts from nothing but noise
        for alpha, sigma in zip(process.alpha[1:], process.sigma[1:], strict=True)
    ]
    before: Tensor | None = None
    width_before = 0.0
    for now, after in zip(grid, grid[1:], strict=False):
        x0, _ = denoise(x, now)
        yield x, x0
        estimate = x0
        if after > 0:
            width = log_snr[after - 1] - log_snr[now - 1]
            if before is not None:
                estimate = x0 + (x0 - before) * (width / (2.0 * width_before))
            before, width_before = x0, width
        shrink = process.sigma[after] / process.sigma[now]
        x = shrink * x + (process.alpha[after] - process.alpha[now] * shrink) * estimate
    yield x, x


def heun(denoise: Denoise, process: Process, grid: Sequence[int], x: Tensor, normal: Normal) -> States:
    """Heun's method (EDM, arXiv:2206.00364, algorithm 1): second order, two evaluations a step.

    On dx = x_0 dalpha + eps dsigma, which is regular at both ends; its first-order step is DDIM's.
    """
    for now, after in zip(grid, grid[1:], strict=False):
        x0, eps = denoise(x, now)
        yield x, x0
        if after == 0:
            x = x0
            break
        rise, fall = process.alpha[after] - process.alpha[now], process.sigma[after] - process.sigma[now]
        next_x0, next_eps = denoise(x + rise * x0 + fall * eps, after)
        x = x + rise * (x0 + next_x0) / 2.0 + fall * (eps + next_eps) / 2.0
    yield x, x


def midpoint(denoise: Denoise, process: Process, grid: Sequence[int], x: Tensor, normal: Normal) -> States:
    """The midpoint method: second order, two evaluations a step, on the same equation as `heun`."""
    for now, after in zip(grid, grid[1:], strict=False):
        x0, eps = denoise(x, now)
        yield x, x0
        middle = (now + after + 1) // 2
        rise, fall = process.alpha[middle] - process.alpha[now], process.sigma[middle] - process.sigma[now]
        x0, eps = denoise(x + rise * x0 + fall * eps, middle)
        rise, fall = process.alpha[after] - process.alpha[now], process.sigma[after] - process.sigma[now]
        x = x + rise * x0 + fall * eps
    yield x, x


def consistency(denoise: Denoise, process: Process, grid: Sequence[int], x: Tensor, normal: Normal) -> States:
    """Multistep consistency sampling (arXiv:2303.01469, algorithm 1): foresee the image, noise it anew, foresee again."""
    for now, after in zip(grid, grid[1:], strict=False):
        x0, _ = denoise(x, now)
        yield x, x0
        x = x0
        if after > 0:
            x = process.alpha[after] * x0 + process.sigma[after] * normal(*x.shape[1:])
    yield x, x
