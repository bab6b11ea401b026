import torch

from gencompare.models.shape import ImageShape
from gencompare.models.vae import VAE


def auto_encoder():
    torch.manual_seed(0)
    return VAE(latent_dim=4, width=8, precision="float32").networks(ImageShape(1, 16))["vae"].eval()


def test_a_posterior_without_variance_is_decoded_at_its_mean():
    vae = auto_encoder()
    images = torch.rand(3, 1, 16, 16) * 2 - 1
    with torch.no_grad():
        vae.encoder[-1].bias[4:] = -1e6
    reconstruction, mean, _ = vae(images)
    assert torch.allclose(reconstruction, vae.decode(mean), atol=1e-3)


def test_posterior_draws_have_the_posterior_moments(monkeypatch):
    vae = auto_encoder()
    monkeypatch.setattr(vae, "decode", lambda latent: latent)
    images = (torch.rand(1, 1, 16, 16) * 2 - 1).expand(20_000, -1, -1, -1)
    draws, mean, log_variance = vae(images)
    assert torch.allclose(draws.mean(0), mean[0], atol=0.04)
    assert torch.allclose(draws.var(0), log_variance[0].exp(), rtol=0.05)


def test_it_generates_by_decoding():
    vae, latent = auto_encoder(), torch.randn(2, 4)
    assert torch.equal(vae.generate(latent), vae.decode(latent))
