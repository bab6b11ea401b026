import pytest
import torch

from gencompare.config.typed import SettingError
from gencompare.models.parts.shape import ImageShape
from gencompare.models.settings import VAE


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


def test_a_number_of_a_map_changes_its_place_alone_and_one_of_a_vector_the_whole_image():
    changed = {}
    for code in ("vector", "map"):
        torch.manual_seed(0)
        vae = (
            VAE(latent_dim=32, code=code, width=8, precision="float32")
            .networks(ImageShape(1, 64))["vae"]
            .eval()
        )
        latent = torch.zeros(2, 32)
        latent[1, 0] = 5.0  # of a map: channel 0 in the top left corner
        without, with_ = vae.decode(latent)
        changed[code] = (without - with_).abs().amax(0) > 1e-6
    assert changed["vector"].float().mean() > 0.9
    assert (
        changed["map"][:32, :32].any() and not changed["map"][48:].any() and not changed["map"][:, 48:].any()
    )


def test_a_map_of_seventeen_numbers_is_refused():
    with pytest.raises(SettingError, match="multiple of 16"):
        VAE(latent_dim=17, code="map").check(ImageShape(1, 32))
