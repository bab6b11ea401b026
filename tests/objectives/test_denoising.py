from itertools import permutations

import pytest
import torch

from gencompare.config.typed import SettingError, build
from gencompare.models.parts.diffusion import PROCESSES, Denoiser, cosine, flow
from gencompare.objectives.base import Batch
from gencompare.objectives.denoising import drawn_steps, transported
from gencompare.objectives.settings import Denoising, LogNormal


class Constant(torch.nn.Module):
    """Predicts one number everywhere."""

    def __init__(self):
        super().__init__()
        self.value = torch.nn.Parameter(torch.zeros(()))

    def forward(self, noisy, step, labels):
        return self.value.expand_as(noisy)


def denoiser_of(timesteps):
    return Denoiser(Constant(), process=cosine(timesteps), prediction="velocity")


@pytest.mark.parametrize("count", [1, 7, 64, 1000, 1500])
def test_one_step_is_drawn_from_each_equal_part(count):
    torch.manual_seed(0)
    steps = drawn_steps(denoiser_of(1000), count, None)
    assert steps.min() >= 1
    assert steps.max() <= 1000
    parts = ((steps.double() - 0.5) / 1000 * count).floor()
    assert (parts - torch.arange(count)).abs().max() <= max(1, count / 1000)


def test_every_step_is_as_likely():
    torch.manual_seed(0)
    denoiser = denoiser_of(5)
    steps = torch.cat([drawn_steps(denoiser, 3, None) for _ in range(10_000)])
    assert torch.allclose(steps.bincount(minlength=6)[1:] / len(steps), torch.full((5,), 0.2), atol=0.01)


def test_the_noise_asked_for_is_drawn():
    torch.manual_seed(0)
    denoiser = denoiser_of(1000)
    steps = drawn_steps(denoiser, 20_000, LogNormal(-1.0, 0.8))
    drawn = (denoiser.sigma[steps] / denoiser.alpha[steps]).log()
    assert drawn.mean().item() == pytest.approx(-1.0, abs=0.02)
    assert drawn.std().item() == pytest.approx(0.8, abs=0.02)


def test_noise_beyond_the_schedule_is_that_of_its_ends():
    denoiser = denoiser_of(1000)
    assert (drawn_steps(denoiser, 64, LogNormal(50.0, 1.0)) == 1000).all()
    assert (drawn_steps(denoiser, 64, LogNormal(-50.0, 1.0)) == 1).all()


def test_the_noise_is_two_numbers_in_the_settings():
    assert build(Denoising, {"noise": [-1.0, 1.2]}, "objective").noise == LogNormal(-1.0, 1.2)
    with pytest.raises(SettingError, match="noise"):
        build(Denoising, {"noise": [-1.0, 0.0]}, "objective")


@pytest.mark.parametrize("prediction", ["epsilon", "velocity"])
def test_predicting_nothing_costs_the_variance_of_the_target(prediction):
    """With x_0 of variance v, eps has variance 1 and the velocity alpha² + sigma² v."""
    torch.manual_seed(0)
    networks = {"denoiser": Denoiser(Constant(), process=cosine(100), prediction=prediction)}
    objective = Denoising().objective(networks)
    images = 0.5 * torch.randn(400, 3, 16, 16)
    [(name, loss)] = objective.step(Batch(images, None, 0, 0.0))
    sigma2 = networks["denoiser"].sigma[1:].square().mean().item()
    assert name == "denoiser"
    assert loss.item() == pytest.approx(1.0 if prediction == "epsilon" else 1 - 0.75 * sigma2, rel=0.02)


def test_the_share_of_labels_asked_for_is_hidden():
    class Seen(Constant):
        def forward(self, noisy, step, labels):
            self.labels = labels
            return super().forward(noisy, step, labels)

    backbone = Seen()
    denoiser = Denoiser(backbone, process=cosine(10), prediction="epsilon", classes=4)
    labels = torch.arange(4).repeat(2500)
    torch.manual_seed(0)
    list(
        Denoising(label_dropout=0.3)
        .objective({"denoiser": denoiser})
        .step(Batch(torch.zeros(10_000, 1, 2, 2), labels, 0, 0.0))
    )
    hidden = backbone.labels == 4
    assert hidden.float().mean().item() == pytest.approx(0.3, abs=0.02)
    assert torch.equal(backbone.labels[~hidden], labels[~hidden])


def test_optimal_transport_is_the_cheapest_of_all_pairings():
    torch.manual_seed(0)
    images, noise = torch.randn(5, 1, 2, 2), torch.randn(5, 1, 2, 2)

    def cost(order):
        return (images - noise[list(order)]).square().sum().item()

    paired = transported(images, noise)
    assert (images - paired).square().sum().item() == pytest.approx(min(map(cost, permutations(range(5)))))
    assert torch.equal(paired.flatten().sort().values, noise.flatten().sort().values)


def test_optimal_transport_is_refused_with_labels():
    denoiser = Denoiser(Constant(), process=flow(10), prediction="velocity", classes=3)
    with pytest.raises(SettingError, match=r"^objective.pairing='optimal_transport'"):
        Denoising(pairing="optimal_transport").objective({"denoiser": denoiser})


def test_the_noise_of_a_flow_is_its_times_sigmoid_normal_distribution():
    torch.manual_seed(0)
    denoiser = Denoiser(Constant(), process=flow(1000), prediction="velocity")
    times = drawn_steps(denoiser, 20_000, LogNormal(0.5, 1.0)) / 1000
    assert times.logit(1e-4).mean().item() == pytest.approx(0.5, abs=0.02)
    assert times.logit(1e-4).std().item() == pytest.approx(1.0, abs=0.02)


class Affine(torch.nn.Module):
    """A slope and an offset for each step: the best velocity of a Gaussian is of this form."""

    def __init__(self, process):
        super().__init__()
        self.known = torch.tensor(process.told[1:])
        self.slope = torch.nn.Parameter(torch.zeros(len(self.known)))
        self.offset = torch.nn.Parameter(torch.zeros(len(self.known)))

    def forward(self, noisy, told, labels):
        place = (told[:, None] - self.known).abs().argmin(1)
        column = (slice(None), None, None, None)
        return self.slope[place][column] * noisy + self.offset[place][column]


@pytest.mark.parametrize("process", PROCESSES)
def test_trained_on_one_gaussian_it_learns_the_known_velocity(process):
    """x_0 ~ N(m, s²): E[velocity | x] = mean + cov(velocity, x) / var(x) (x - E[x]), for every process."""
    torch.manual_seed(0)
    mean, deviation, steps = 0.3, 0.5, 4
    table = PROCESSES[process](steps, 1.0)
    backbone = Affine(table)
    denoiser = Denoiser(backbone, process=table, prediction="velocity")
    objective = Denoising().objective({"denoiser": denoiser})
    optimiser = torch.optim.Adam(backbone.parameters(), 0.05)
    for index in range(600):
        for group in optimiser.param_groups:
            group["lr"] = 0.05 * (1 - index / 600)
        images = mean + deviation * torch.randn(4096, 1, 1, 1)
        [(_, loss)] = objective.step(Batch(images, None, index, 0.0))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    for k in range(1, steps + 1):
        alpha, sigma = table.alpha[k], table.sigma[k]
        alpha_rate, sigma_rate = table.alpha_rate[k], table.sigma_rate[k]
        variance = alpha**2 * deviation**2 + sigma**2
        gain = (alpha * alpha_rate * deviation**2 + sigma * sigma_rate) / variance
        x = alpha * mean + torch.tensor([-1.0, 0.0, 1.0])[:, None, None, None] * variance**0.5
        known = alpha_rate * mean + gain * (x - alpha * mean)
        learnt = denoiser(x, torch.full((3,), k))
        assert torch.allclose(learnt, known, atol=0.08)
