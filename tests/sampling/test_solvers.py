"""Solvers against the exact diffusion of a Gaussian.

For x_0 ~ N(m, s²) the best denoiser is known, and so is the probability flow: (x_k - alpha_k m) /
deviation_k stays what it is, with deviation_k² = alpha_k² s² + sigma_k² (DDIM's ODE, arXiv:2010.02502,
equation 14).
"""

import math
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch

from gencompare.models.parts.diffusion import PROCESSES, alpha_bars, cosine, variance_preserving
from gencompare.sampling.solvers import (
    consistency,
    ddim,
    ddim_inversion,
    ddpm,
    dpm_solver,
    heun,
    midpoint,
    posterior_deviation,
)

visited = lambda timesteps, steps: cosine(timesteps).visited(steps)  # noqa: E731
MEAN = torch.tensor([0.3, -0.5, 0.0], dtype=torch.float64)[:, None, None]
DEVIATION = torch.tensor([0.2, 0.5, 1.5], dtype=torch.float64)[:, None, None]
TIMESTEPS = 4097
LOG_SNR = np.linspace(5.0, -5.0, TIMESTEPS)  # log(alpha / sigma) at steps 1 .. TIMESTEPS
ALPHA_BAR = 1 / (1 + np.exp(-2 * LOG_SNR))
PROCESS = variance_preserving(torch.from_numpy(np.array([1.0, *ALPHA_BAR])))
DETERMINISTIC = {
    "ddim": (ddim, 1),
    "dpm_solver": (dpm_solver, 2),
    "heun": (heun, 2),
    "midpoint": (midpoint, 2),
}


def marginal(k):
    alpha, sigma = PROCESS.alpha[k], PROCESS.sigma[k]
    return alpha * MEAN, (alpha**2 * DEVIATION**2 + sigma**2).sqrt()


def exact(x, k, process=None):
    alpha, sigma = (process or PROCESS).alpha[k], (process or PROCESS).sigma[k]
    mean, deviation = alpha * MEAN, (alpha**2 * DEVIATION**2 + sigma**2).sqrt()
    x0 = MEAN + alpha * DEVIATION**2 / deviation**2 * (x - mean)
    return x0, (x - alpha * x0) / sigma


def no_noise(*shape):
    raise AssertionError("a deterministic solver drew noise")


def sampled(solver, grid, x, normal=no_noise):
    """The last state before the clean end, and the sample."""
    *_, (before, _), (last, _) = solver(exact, PROCESS, grid, x, normal)
    return before, last


def two_deviations(solver, grid, k):
    """What a deterministic solver makes of both ends of one deviation about the mean at step k."""
    mean, deviation = marginal(k)
    return sampled(solver, grid, torch.stack([mean - deviation, mean + deviation]))


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_deterministic_solvers_converge_at_their_order(name):
    """To the right moments at step 1, on grids uniform in log(alpha / sigma), where orders are defined."""
    solver, order = DETERMINISTIC[name]
    mean, deviation = marginal(1)
    errors = []
    for steps in (64, 128, 256, 512):
        grid = [*range(TIMESTEPS, 0, -(TIMESTEPS - 1) // steps), 0]
        low, high = two_deviations(solver, grid, TIMESTEPS)[0]
        assert torch.allclose((low + high) / 2, mean, atol=1e-9)
        errors.append(((high - low) / 2 - deviation).abs().max().item())
    rates = [math.log2(coarse / fine) for coarse, fine in pairwise(errors)]
    assert rates == pytest.approx([order] * 3, abs=0.25)


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_deterministic_solvers_sample_the_right_distribution(name):
    _, (low, high) = two_deviations(DETERMINISTIC[name][0], visited(TIMESTEPS, 1000), TIMESTEPS)
    assert torch.allclose((low + high) / 2, MEAN, atol=1e-9)
    assert torch.allclose((high - low) / 2, DEVIATION, rtol=0.02)


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("name", DETERMINISTIC)
def test_deterministic_solvers_sample_the_right_distribution_by_every_process(name, process):
    process = PROCESSES[process](1000, 1.0)
    last = process.alpha[-1] * MEAN, (process.alpha[-1] ** 2 * DEVIATION**2 + process.sigma[-1] ** 2).sqrt()
    ends = torch.stack([last[0] - last[1], last[0] + last[1]])
    estimate = partial(exact, process=process)
    *_, ((low, high), _) = DETERMINISTIC[name][0](estimate, process, process.visited(200), ends, no_noise)
    assert torch.allclose((low + high) / 2, MEAN, atol=1e-3)
    assert torch.allclose((high - low) / 2, DEVIATION, rtol=0.05)


@pytest.mark.parametrize("process", PROCESSES)
def test_ancestral_sampling_draws_the_right_distribution_by_every_process(process):
    process = PROCESSES[process](1000, 1.0)
    generator = torch.Generator().manual_seed(0)
    normal = lambda *shape: torch.randn(10_000, *shape, generator=generator, dtype=torch.float64)  # noqa: E731
    x = process.alpha[-1] * MEAN + process.sigma[-1] * normal(3, 1, 1)
    *_, (made, _) = ddpm(partial(exact, process=process), process, process.visited(500), x, normal)
    assert torch.allclose(made.mean(0), MEAN, atol=0.04)
    assert torch.allclose(made.std(0), DEVIATION, rtol=0.05)


def test_on_a_flow_ddim_is_eulers_method():
    process = PROCESSES["flow"](100, 1.0)
    noise = x = torch.randn(2, 3, 1, 1, dtype=torch.float64)
    for k in range(100, 0, -20):
        x0, eps = exact(x, k, process)
        x = x - 0.2 * (eps - x0)
    *_, (made, _) = ddim(partial(exact, process=process), process, process.visited(5), noise, no_noise)
    assert torch.allclose(made, x)


@pytest.mark.parametrize("name", ["ddim", "dpm_solver", "heun"])  # midpoint foresees it from half way
def test_one_step_is_the_first_estimate(name):
    x = torch.randn(2, 3, 1, 1, dtype=torch.float64)
    _, made = sampled(DETERMINISTIC[name][0], visited(TIMESTEPS, 1), x)
    assert torch.equal(made, exact(x, TIMESTEPS)[0])


@pytest.mark.parametrize("steps", [1, 7, 50, TIMESTEPS])
def test_ddim_with_eta_one_is_ancestral_sampling_draw_by_draw(steps):
    def run(solver):
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(5, 3, 1, 1, generator=generator, dtype=torch.float64)
        normal = lambda *shape: torch.randn(5, *shape, generator=generator, dtype=torch.float64)  # noqa: E731
        return sampled(solver, visited(TIMESTEPS, steps), x, normal)[1]

    assert torch.allclose(run(partial(ddim, eta=1.0)), run(ddpm), atol=1e-9)


def test_ancestral_sampling_gives_the_right_distribution():
    generator = torch.Generator().manual_seed(0)
    mean, deviation = marginal(TIMESTEPS)
    n = 10_000
    normal = lambda *shape: torch.randn(n, *shape, generator=generator, dtype=torch.float64)  # noqa: E731
    x = mean + deviation * normal(3, 1, 1)
    _, made = sampled(ddpm, visited(TIMESTEPS, 512), x, normal)
    assert torch.allclose(made.mean(0), MEAN, atol=0.04)
    assert torch.allclose(made.std(0), DEVIATION, rtol=0.04)


def test_posterior_deviation_of_neighbouring_steps_is_ddpm_equation_7():
    alpha_bar = alpha_bars(1000)
    process = variance_preserving(alpha_bar)
    for k in (2, 10, 999):
        beta = 1 - alpha_bar[k] / alpha_bar[k - 1]
        expected = ((1 - alpha_bar[k - 1]) / (1 - alpha_bar[k]) * beta).sqrt().item()
        assert posterior_deviation(process, k, k - 1) == pytest.approx(expected)
    assert posterior_deviation(process, 1, 0) == 0


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 37, 100, 999, 1000])
def test_visited_steps_fall_strictly_from_noise_to_clean(steps):
    grid = visited(1000, steps)
    assert len(grid) == steps + 1
    assert (grid[0], grid[-1]) == (1000, 0)
    assert all(after < now for now, after in pairwise(grid))


def test_visited_steps_are_evenly_spread():
    assert visited(1000, 4) == [1000, 750, 500, 250, 0]
    assert visited(1000, 3) == [1000, 667, 333, 0]
    assert visited(10, 10) == list(range(10, -1, -1))


@pytest.mark.parametrize("name", ["ddim", "ddpm", "dpm_solver", "heun"])
def test_solvers_ask_only_for_visited_steps_in_their_order(name):
    asked = []

    def denoise(x, k):
        asked.append(k)
        return exact(x, k)

    grid = visited(TIMESTEPS, 10)
    solver = {"ddim": ddim, "ddpm": ddpm, "dpm_solver": dpm_solver, "heun": heun}[name]
    states = list(
        solver(denoise, PROCESS, grid, torch.zeros(1, 3, 1, 1), lambda *shape: torch.zeros(1, *shape))
    )
    twice = [k for now, after in pairwise(grid[:-1]) for k in (now, after)] + [grid[-2]]
    assert asked == (twice if name == "heun" else grid[:-1])
    assert len(states) == len(grid)
    assert torch.equal(*states[-1])


def test_ddim_inversion_finds_the_noise_that_leads_to_an_image():
    torch.manual_seed(0)
    grid, noise = visited(TIMESTEPS, 64), torch.randn(100, 3, 1, 1, dtype=torch.float64)
    _, image = sampled(ddim, grid, noise)
    errors = []
    for rounds in (1, 3, 9):
        found = ddim_inversion(exact, PROCESS, grid[::-1], image, rounds)
        errors.append((sampled(ddim, grid, found)[1] - image).abs().max().item())
    assert errors[0] > 2 * errors[1] > 4 * errors[2]
    assert errors[2] < 0.005


@pytest.mark.parametrize(
    ("name", "steps", "most"),
    [("flow", 5, 0.05), ("flow", 20, 0.01), ("cosine", 20, 0.01), ("edm", 20, 0.01)],
)
def test_ddim_inversion_leads_there_and_back_in_few_steps_of_every_process(name, steps, most):
    torch.manual_seed(0)
    process, images = PROCESSES[name](1000, 1.0), MEAN + DEVIATION * torch.randn(500, 3, 1, 1).double()
    estimate, grid = partial(exact, process=process), process.visited(steps)
    found = ddim_inversion(estimate, process, grid[::-1], images)
    *_, (back, _) = ddim(estimate, process, grid, found, no_noise)
    assert ((back - images) / DEVIATION).square().mean().sqrt() < most


def test_consistency_sampling_noises_the_foreseen_image_anew():
    process = PROCESSES["edm"](1000, 1.0)
    drawn = torch.randn(2, 3, 1, 1, dtype=torch.float64)
    x = 80 * torch.randn(2, 3, 1, 1, dtype=torch.float64)
    states = list(
        consistency(partial(exact, process=process), process, [1000, 400, 0], x, lambda *shape: drawn)
    )
    first = exact(x, 1000, process)[0]
    again = first + process.sigma[400] * drawn
    assert torch.allclose(states[1][0], again)
    assert torch.allclose(states[-1][0], exact(again, 400, process)[0])
