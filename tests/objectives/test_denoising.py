import pytest
import torch

from gencompare.config.typed import SettingError, build
from gencompare.models.parts.diffusion import Denoiser, alpha_bars
from gencompare.objectives.base import Batch
from gencompare.objectives.denoising import drawn_steps
from gencompare.objectives.settings import Denoising, LogNormal


class Constant(torch.nn.Module):
    """Predicts one number everywhere."""

    def __init__(self):
        super().__init__()
        self.value = torch.nn.Parameter(torch.zeros(()))

    def forward(self, noisy, step, labels):
        return self.value.expand_as(noisy)


def denoiser_of(timesteps):
    return Denoiser(Constant(), alpha_bar=alpha_bars(timesteps), prediction="velocity")


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
    networks = {"denoiser": Denoiser(Constant(), alpha_bar=alpha_bars(100), prediction=prediction)}
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
    denoiser = Denoiser(backbone, alpha_bar=alpha_bars(10), prediction="epsilon", classes=4)
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
