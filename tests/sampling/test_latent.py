import numpy as np
import pytest
import torch

from gencompare.config.typed import SettingError
from gencompare.models.parts.shape import ImageShape
from gencompare.models.settings import VAE
from gencompare.sampling.latent import MixtureSampler
from gencompare.sampling.settings import Mixture

SHAPE = ImageShape(1, 16)


def test_a_mixture_draws_from_its_weights_means_and_covariances():
    covariance = torch.tensor([[2.0, 0.6], [0.6, 0.5]])
    mixture = MixtureSampler(
        VAE(latent_dim=2, width=8).networks(SHAPE),
        bounds=torch.tensor([0.25]),
        means=torch.tensor([[10.0, 0.0], [-10.0, 5.0]]),
        factors=torch.linalg.cholesky(torch.stack([covariance, torch.eye(2)])),
    )
    torch.manual_seed(0)
    assert mixture.noise_shape == (3,)
    latent = mixture.latent(torch.randn(40_000, 3))
    first = latent[:, 0] > 0
    assert first.float().mean().item() == pytest.approx(0.25, abs=0.01)
    assert torch.allclose(latent[first].mean(0), torch.tensor([10.0, 0.0]), atol=0.05)
    assert torch.allclose(latent[first].T.cov(), covariance, atol=0.06)


def test_a_mixture_of_one_has_the_moments_of_the_codes():
    torch.manual_seed(0)
    networks = VAE(latent_dim=3, width=8, precision="float32").networks(SHAPE)
    images = np.random.default_rng(0).integers(0, 256, (300, 16, 16, 1), dtype=np.uint8)
    mixture = Mixture(components=1)
    fitted = mixture.sampler(networks, SHAPE, mixture.fit(networks, images, {}))
    with torch.no_grad():
        codes, _ = networks["vae"].encode(torch.from_numpy(images).permute(0, 3, 1, 2) / 127.5 - 1)
    assert torch.allclose(fitted.means[0], codes.mean(0), atol=1e-4)
    covariance = codes.T.cov(correction=0) + 1e-4 * torch.eye(3)
    assert torch.allclose(fitted.factors[0] @ fitted.factors[0].T, covariance, atol=1e-4)


def test_a_mixture_is_fitted_to_images_from_all_over_the_set():
    torch.manual_seed(0)
    networks = VAE(latent_dim=3, width=8, precision="float32").networks(SHAPE)
    images = np.repeat(np.arange(4, dtype=np.uint8) * 60, 50)[:, None, None, None] * np.ones(
        (16, 16, 1), np.uint8
    )
    first = Mixture(components=1, images=50).fit(networks, images[:50], {})["means"]  # of one grey alone
    few = Mixture(components=1, images=50).fit(networks, images, {})["means"]
    every = Mixture(components=1, images=200).fit(networks, images, {})["means"]
    assert (few - every).norm() < 0.3 * (first - every).norm()


def test_a_mixture_with_more_components_than_images_is_refused():
    networks = VAE(latent_dim=3, width=8, precision="float32").networks(SHAPE)
    with pytest.raises(SettingError, match=r"^sampler.components=10: at most the 4 training images"):
        Mixture().fit(networks, np.zeros((4, 16, 16, 1), np.uint8), {})
    with pytest.raises(SettingError, match=r"^sampler.images=10: at least sampler.components=20"):
        Mixture(components=20, images=10).check_count(1000)
