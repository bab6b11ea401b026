import torch

from gencompare.models.parts.shape import ImageShape
from gencompare.models.settings import VQVAE
from gencompare.sampling.base import Streams
from gencompare.sampling.settings import Autoregressive

SHAPE = ImageShape(1, 16)
MODEL = VQVAE(side=2, codes=5, width=8, code_dim=4, prior_width=32, prior_depth=1, precision="float32")


def sampler(temperature=1.0):
    torch.manual_seed(0)
    networks = MODEL.networks(SHAPE)
    torch.nn.init.normal_(networks["prior"].logits.weight, 0.0, 0.3)
    return Autoregressive(temperature=temperature).sampler(networks, SHAPE, {})


def written(made, noise):
    """The codes that noise stands for, by looking where the decoder is called."""
    seen = {}
    made.autoencoder.decode = lambda vectors: seen.setdefault("vectors", vectors)
    with torch.no_grad():
        list(made.path(noise, None, Streams(0, [], made.device), frames=1))
    distances = torch.cdist(seen["vectors"], made.autoencoder.codebook.vectors)
    assert (distances.amin(dim=2) < 1e-3).all()
    return distances.argmin(dim=2)


def test_codes_come_as_often_as_the_prior_finds_them_probable():
    made, n = sampler(), 4000
    codes = written(made, torch.randn(n, 4, generator=torch.Generator().manual_seed(0)))
    with torch.no_grad():
        first = made.prior(torch.zeros(1, 4, dtype=torch.long))[0, 0].softmax(0)
        others = made.prior(codes)[:, 3].softmax(1).mean(0)
    for place, expected in ((0, first), (3, others)):
        shares = torch.bincount(codes[:, place], minlength=5) / n
        assert torch.allclose(shares, expected, atol=4 * 0.5 / n**0.5)


def test_a_low_temperature_takes_the_most_probable():
    made = sampler(temperature=1e-3)
    codes = written(made, torch.randn(8, 4))
    with torch.no_grad():
        assert torch.equal(codes, made.prior(codes).argmax(dim=2))


def test_noise_that_images_lead_to_leads_back_to_their_codes():
    made = sampler()
    images = torch.rand(16, 1, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.no_grad():
        made.autoencoder.codebook.learn(made.autoencoder._features(images), torch.zeros(64, dtype=torch.long))
        codes = made.autoencoder.encode(images)
        noise = made.invert(images, None)
    assert noise.shape == (16, 4)
    assert len(codes.unique()) > 1
    assert torch.equal(written(made, noise), codes)


def test_a_path_fills_the_image_place_by_place():
    made = sampler()
    with torch.no_grad():
        frames = list(made.path(torch.randn(3, 4), None, Streams(0, [], made.device), frames=4))
        more = list(made.path(torch.randn(3, 4), None, Streams(0, [], made.device), frames=9))
    assert len(frames) == 4
    assert len(more) == 9
    changed = [(a != b).any().item() for a, b in zip(frames, frames[1:], strict=False)]
    assert all(changed)
