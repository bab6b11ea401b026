import math

import pytest
import torch

from gencompare.models.dcgan import DCGAN
from gencompare.models.shape import ImageShape
from gencompare.models.vae import VAE
from gencompare.objectives.adversarial import Vanilla, vanilla_discriminator_loss, vanilla_generator_loss
from gencompare.objectives.base import Batch
from gencompare.typed import SettingError

SHAPE = ImageShape(1, 16)


def gan():
    torch.manual_seed(0)
    networks = DCGAN(latent_dim=4, width=8, precision="float32").networks(SHAPE)
    return networks, Vanilla().objective(networks)


def batch():
    return Batch(torch.rand(6, 1, 16, 16) * 2 - 1, None, 0, 0.0)


def test_an_undecided_discriminator_costs_log_four_and_the_generator_log_two():
    undecided = torch.zeros(5)
    assert vanilla_discriminator_loss(undecided, undecided).item() == pytest.approx(math.log(4))
    assert vanilla_generator_loss(undecided).item() == pytest.approx(math.log(2))


def test_losses_are_the_binary_cross_entropy_of_the_logits():
    real, fake = torch.tensor([2.0, -1.0]), torch.tensor([0.5, -3.0])
    by_hand = -(real.sigmoid().log().mean() + (1 - fake.sigmoid()).log().mean())
    assert vanilla_discriminator_loss(real, fake).item() == pytest.approx(by_hand.item())
    assert vanilla_generator_loss(fake).item() == pytest.approx(-fake.sigmoid().log().mean().item())


def test_confident_logits_give_finite_losses_and_gradients():
    fake = torch.tensor([-1e4], requires_grad=True)
    vanilla_generator_loss(fake).backward()
    assert fake.grad is not None
    assert fake.grad.item() == pytest.approx(-1.0)


def test_the_discriminator_learns_first_and_neither_step_touches_the_other_network():
    networks, objective = gan()
    steps = objective.step(batch())
    name, loss = next(steps)
    loss.backward()
    assert name == "discriminator"
    assert all(parameter.grad is None for parameter in networks["generator"].parameters())
    networks["discriminator"].zero_grad(set_to_none=True)

    name, loss = next(steps)
    loss.backward()
    assert name == "generator"
    assert all(parameter.grad is not None for parameter in networks["generator"].parameters())
    assert all(parameter.grad is None for parameter in networks["discriminator"].parameters())
    assert all(parameter.requires_grad for parameter in networks["discriminator"].parameters())
    assert next(steps, None) is None


def test_the_generator_meets_the_updated_discriminator():
    def generator_loss(update):
        networks, objective = gan()
        steps = objective.step(batch())
        next(steps)
        if update:
            with torch.no_grad():
                networks["discriminator"].layers[-1].bias += 5.0
        return next(steps)[1].item()

    assert generator_loss(update=True) < generator_loss(update=False)


def test_metrics_are_the_discriminator_probabilities():
    networks, objective = gan()
    torch.nn.init.zeros_(networks["discriminator"].layers[-1].weight)
    list(objective.step(batch()))
    assert objective.metrics["d_real"].item() == 0.5
    assert objective.metrics["d_fake"].item() == 0.5


def test_a_model_without_a_discriminator_is_refused():
    with pytest.raises(SettingError, match=r"^objective.name='vanilla': needs a network 'generator'"):
        Vanilla().objective(VAE(latent_dim=4, width=8).networks(SHAPE))
