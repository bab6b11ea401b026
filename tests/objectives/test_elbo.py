import math

import pytest
import torch

from gencompare.models.parts.shape import ImageShape
from gencompare.models.settings import VAE
from gencompare.objectives.base import Batch
from gencompare.objectives.elbo import beta_after, gaussian_kl, squared_error
from gencompare.objectives.settings import Elbo


def test_kl_is_torch_distributions_closed_form():
    torch.manual_seed(0)
    mean, log_variance = torch.randn(7, 5), torch.randn(7, 5)
    posterior = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    expected = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).sum(1)
    assert torch.allclose(gaussian_kl(mean, log_variance), expected, atol=1e-5)
    assert gaussian_kl(torch.zeros(1, 3), torch.zeros(1, 3)).item() == 0


def test_squared_error_is_a_unit_gaussian_log_likelihood_up_to_its_constant():
    torch.manual_seed(0)
    images, means = torch.randn(4, 3, 2, 2), torch.randn(4, 3, 2, 2)
    likelihood = torch.distributions.Normal(means, 1.0).log_prob(images).flatten(1).sum(1)
    assert torch.allclose(-squared_error(images, means) - 6 * math.log(2 * math.pi), likelihood, atol=1e-4)


@pytest.mark.parametrize("beta", [0.0, 0.8, 1.2])
def test_the_loss_is_reconstruction_plus_beta_kl(beta):
    torch.manual_seed(0)
    objective = Elbo(beta=beta).objective(
        VAE(latent_dim=4, width=8, precision="float32").networks(ImageShape(1, 16))
    )
    [(name, loss)] = objective.step(Batch(torch.rand(6, 1, 16, 16) * 2 - 1, None, 0, 0.0))
    metrics = objective.metrics
    assert name == "vae"
    assert metrics["kl"] > 0
    assert loss.item() == pytest.approx((metrics["reconstruction"] + beta * metrics["kl"]).item())


def test_annealing_raises_the_weight_linearly_with_images_and_keeps_it():
    config = Elbo(beta=0.8, anneal_kimg=2.0)
    assert [beta_after(images, config) for images in (0, 500, 2000, 9000)] == pytest.approx(
        [0, 0.2, 0.8, 0.8]
    )
    assert beta_after(0, Elbo(beta=0.8)) == 0.8


def gradients(make_loss):
    torch.manual_seed(0)
    networks = VAE(latent_dim=4, width=8, precision="float32").networks(ImageShape(1, 16))
    batch = Batch(torch.rand(6, 1, 16, 16) * 2 - 1, None, 0, 0.0)
    make_loss(networks, batch).backward()
    return [parameter.grad for parameter in networks["vae"].parameters()]


def test_annealing_starts_with_the_gradient_of_a_plain_auto_encoder():
    def plain(networks, batch):
        return squared_error(batch.images, networks["vae"](batch.images)[0]).mean()

    def annealed(networks, batch):
        [(_, loss)] = Elbo(beta=0.8, anneal_kimg=2.0).objective(networks).step(batch)
        return loss

    for expected, found in zip(gradients(plain), gradients(annealed), strict=True):
        assert torch.allclose(found, expected, rtol=1e-4, atol=1e-6)
