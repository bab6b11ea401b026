"""Facts about images from contenders that hold for every family and sampler."""

import math

import numpy as np
import pytest
import torch

from gencompare.config.typed import SettingError
from gencompare.models import MODELS
from gencompare.models.parts.shape import ImageShape
from gencompare.models.parts.weights import flatten_weights
from gencompare.sampling import SAMPLERS, images
from gencompare.sampling.base import Streams, images_at_once
from gencompare.sampling.images import (
    balanced_labels,
    interpolate,
    interpolate_real,
    reconstruct,
    sample,
    slerp,
    trajectory,
)

SHAPE = ImageShape(1, 16, classes=3)
CPU = torch.device("cpu")
FAMILIES = {
    "dcgan": ("dcgan", {"latent_dim": 4, "width": 8, "precision": "float32"}, "latent", {}),
    "vae": ("vae", {"latent_dim": 4, "width": 8, "precision": "float32"}, "latent", {}),
    "mixture": ("vae", {"latent_dim": 4, "width": 8, "precision": "float32"}, "mixture", {"components": 2}),
    "vq_vae": (
        "vq_vae",
        {"width": 8, "side": 4, "codes": 6, "prior_width": 32, "precision": "float32", "conditional": True},
        "autoregressive",
        {},
    ),
    "ddim": ("unet", {"widths": (8,), "precision": "float32"}, "ddim", {"steps": 3}),
    "ddim_eta": ("unet", {"widths": (8,), "precision": "float32"}, "ddim", {"steps": 3, "eta": 0.5}),
    "ddpm": ("unet", {"widths": (8,), "precision": "float32"}, "ddpm", {"steps": 3}),
    "dpm_solver": ("unet", {"widths": (8,), "precision": "float32"}, "dpm_solver", {"steps": 3}),
    "heun": ("unet", {"widths": (8,), "precision": "float32"}, "heun", {"steps": 2}),
    "flow": ("unet", {"widths": (8,), "precision": "float32", "process": "flow"}, "euler", {"steps": 3}),
    "midpoint": (
        "unet",
        {"widths": (8,), "precision": "float32", "process": "flow"},
        "midpoint",
        {"steps": 2},
    ),
    "edm": ("unet", {"widths": (8,), "precision": "float32", "process": "edm"}, "heun", {"steps": 3}),
    "consistency": ("unet", {"widths": (8,), "precision": "float32", "process": "edm"}, "consistency", {}),
    "autoguided": (
        "unet",
        {"widths": (8,), "precision": "float32", "conditional": True},
        "dpm_solver",
        {"steps": 3, "guidance_scale": 2.0, "autoguidance": 2.0},
    ),
    "conditional": (
        "unet",
        {"widths": (8,), "precision": "float32", "conditional": True},
        "ddim",
        {"steps": 3, "guidance_scale": 2.0},
    ),
}


def contender(family):
    model, model_settings, sampler, sampler_settings = FAMILIES[family]
    torch.manual_seed(0)
    networks = MODELS[model](**model_settings).networks(SHAPE)
    for network in networks.values():
        for parameter in network.parameters():
            if not parameter.any():  # layers that start at zero
                torch.nn.init.normal_(parameter, 0, 0.3)
    chosen = SAMPLERS[sampler](**sampler_settings)
    earlier = {name: 0.9 * weights for name, weights in flatten_weights(networks).items()}
    return chosen.sampler(networks, SHAPE, chosen.fit(networks, real(20), earlier))


def real(n):
    return np.random.default_rng(0).integers(0, 256, (n, 16, 16, 1), dtype=np.uint8)


def same(first, second):
    """Equal but for the last bit, which the batch's size may change."""
    return np.abs(first.astype(int) - second.astype(int)).max() <= 1


def test_every_sampler_is_tested_here():
    assert {sampler for _, _, sampler, _ in FAMILIES.values()} == set(SAMPLERS)


@pytest.mark.parametrize("family", FAMILIES)
def test_samplers_have_the_name_they_are_registered_by(family):
    assert contender(family).name == FAMILIES[family][2]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_sample_depends_on_its_seed_and_index_alone(family):
    made = contender(family)
    made.batch = 4
    all_at_once = sample(made, 10, None, seed=7)
    assert all_at_once.shape == (10, 16, 16, 1)
    assert all_at_once.dtype == np.uint8
    assert np.array_equal(sample(made, 3, None, seed=7), all_at_once[:3])
    assert np.array_equal(sample(made, 5, None, seed=7, first=3), all_at_once[3:8])
    assert not np.array_equal(all_at_once[0], all_at_once[1])
    assert not np.array_equal(sample(made, 10, None, seed=8), all_at_once)
    made.batch = 7
    assert same(sample(made, 10, None, seed=7), all_at_once)


@pytest.mark.parametrize("family", FAMILIES)
def test_interpolations_start_and_end_at_samples(family):
    made = contender(family)
    samples = sample(made, 4, np.repeat(np.array([0, 1]), 2), seed=7)
    rows = interpolate(made, 2, 5, seed=7, labels=np.array([0, 1]))
    assert rows.shape == (2, 5, 16, 16, 1)
    assert same(rows[:, 0], samples[::2])
    if family not in {"ddpm", "ddim_eta", "consistency"}:  # they draw the first sample's noise all the way
        assert same(rows[:, -1], samples[1::2])


@pytest.mark.parametrize("family", FAMILIES)
def test_trajectories_end_at_samples(family):
    made = contender(family)
    strip = trajectory(made, 2, 6, seed=7)
    assert strip.shape == (2, 6, 16, 16, 1)
    assert same(strip[:, -1], sample(made, 2, None, seed=7))
    assert not np.array_equal(strip[:, 0], strip[:, -1])


def test_the_trajectory_of_a_latent_model_starts_at_the_latent_mean():
    made = contender("dcgan")
    strip = trajectory(made, 3, 4, seed=7)
    assert np.array_equal(strip[0, 0], strip[1, 0])
    assert not np.array_equal(strip[0, -1], strip[1, -1])


def test_labels_go_round_the_classes_and_are_obeyed():
    made = contender("conditional")
    assert made.classes == 3
    assert balanced_labels(4, 3, first=2).tolist() == [2, 0, 1, 2]
    assert np.array_equal(sample(made, 4, None, seed=7), sample(made, 4, balanced_labels(4, 3), seed=7))
    assert not np.array_equal(sample(made, 4, None, seed=7), sample(made, 4, np.zeros(4, np.int64), seed=7))


def test_unconditional_contenders_take_no_notice_of_labels():
    made = contender("ddim")
    assert made.classes == 0
    assert np.array_equal(sample(made, 4, None, seed=7), sample(made, 4, np.arange(4), seed=7))


def test_a_vae_reconstructs_at_the_posterior_mean():
    made = contender("vae")
    vae = made.networks["vae"]
    with torch.no_grad():
        expected = images.to_uint8(vae.decode(vae.encode(images.to_network(real(5)))[0]))
    assert same(reconstruct(made, real(5)), expected)


def test_a_vae_with_a_mixture_reconstructs_as_one_without():
    plain, mixed = contender("vae"), contender("mixture")
    assert plain.inverts
    assert mixed.inverts
    assert np.abs(reconstruct(mixed, real(5)).astype(int) - reconstruct(plain, real(5))).max() <= 1


@pytest.mark.parametrize("family", ["vae", "ddim"])
def test_interpolations_of_real_images_end_at_their_reconstructions(family):
    made, ends = contender(family), real(4)
    rows = interpolate_real(made, ends[:2], ends[2:], 3)
    again = reconstruct(made, ends)
    assert same(rows[:, 0], again[:2])
    assert same(rows[:, -1], again[2:])


def test_a_gan_cannot_reconstruct_and_says_so():
    with pytest.raises(SettingError, match=r"^sampler.name='latent': needs one network of kind AutoEncoder"):
        reconstruct(contender("dcgan"), real(2))
    assert not contender("dcgan").inverts
    said = (
        "^sampler.name='heun': cannot lead real images back to noise; use ddim or euler, a VAE or a VQ-VAE$"
    )
    with pytest.raises(SettingError, match=said):
        reconstruct(contender("heun"), real(2))


@pytest.mark.parametrize(
    ("family", "nfe"),
    [("dcgan", 1), ("ddim", 3), ("dpm_solver", 3), ("heun", 3), ("conditional", 6), ("autoguided", 9)],
)
def test_network_evaluations_per_image_are_counted_as_they_happen(family, nfe):
    made, calls = contender(family), []
    for network in [*made.networks.values(), *filter(None, [getattr(made, "earlier", None)])]:
        network.register_forward_hook(lambda *_: calls.append(1))
    trajectory(made, 1, 1, seed=0)
    assert made.nfe == nfe
    assert len(calls) == nfe


def test_networks_and_sampler_that_do_not_belong_together_are_refused():
    networks = contender("dcgan").networks
    with pytest.raises(SettingError, match=r"^sampler.name='ddim'"):
        SAMPLERS["ddim"]().sampler(networks, SHAPE, {})
    networks = contender("ddim").networks
    with pytest.raises(SettingError, match=r"^sampler.steps=1001"):
        SAMPLERS["ddim"](steps=1001).sampler(networks, SHAPE, {})
    with pytest.raises(SettingError, match=r"^sampler.guidance_scale=2"):
        SAMPLERS["ddim"](guidance_scale=2.0).sampler(networks, SHAPE, {})


def test_a_guidance_of_0_ignores_labels_though_an_earlier_self_guides():
    networks = contender("autoguided").networks
    chosen = SAMPLERS["ddim"](steps=3, guidance_scale=0.0, autoguidance=2.0)
    fitted = chosen.fit(networks, real(20), {k: 0.9 * v for k, v in flatten_weights(networks).items()})
    made, x = chosen.sampler(networks, SHAPE, fitted), torch.randn(2, 1, 16, 16)
    with torch.no_grad():
        one, other = (made.denoise(torch.full((2,), label))(x, 500)[0] for label in (0, 1))
    assert torch.equal(one, other)
    assert made.nfe == 6


def test_noise_on_the_way_leads_no_image_back():
    networks = contender("ddim").networks
    assert SAMPLERS["ddim"](steps=3).sampler(networks, SHAPE, {}).inverts
    assert not SAMPLERS["ddim"](steps=3, eta=0.5).sampler(networks, SHAPE, {}).inverts


def test_autoguidance_goes_on_from_the_earlier_prediction_through_the_present_one():
    """Equation 3 of arXiv:2406.02507, with the plain model at 1 and the earlier one at 0."""
    networks, other = contender("ddim").networks, contender("ddim").networks
    for parameter in other["denoiser"].parameters():
        parameter.data.mul_(0.9)
    x = torch.randn(2, 1, 16, 16)

    @torch.no_grad()
    def foreseen(networks, **settings):
        chosen = SAMPLERS["ddim"](steps=3, clip_x0=False, **settings)
        fitted = chosen.fit(networks, real(20), flatten_weights(other))
        return chosen.sampler(networks, SHAPE, fitted).denoise(None)(x, 500)[0]

    now, then = foreseen(networks), foreseen(other)
    assert not torch.allclose(now, then, atol=0.01)
    assert torch.allclose(foreseen(networks, autoguidance=0.0), then, atol=1e-5)
    assert torch.allclose(foreseen(networks, autoguidance=2.5), then + 2.5 * (now - then), atol=1e-5)


def test_only_a_sampler_guided_by_earlier_weights_takes_them_along():
    networks = contender("ddim").networks
    weights = flatten_weights(networks)
    assert SAMPLERS["ddim"]().fit(networks, real(20), weights) == {}
    taken = SAMPLERS["ddim"](autoguidance=2.0).fit(networks, real(20), weights)
    assert taken.keys() == weights.keys()
    with pytest.raises(SettingError, match=r"^sampler.autoguidance: earlier weights"):
        SAMPLERS["ddim"](autoguidance=2.0).sampler(networks, SHAPE, {})


def test_streams_draw_for_a_card_what_they_draw_for_the_cpu(monkeypatch):
    """The card's threads without a card: what would be pinned and sent stays here."""
    empty = torch.empty
    monkeypatch.setattr(torch, "empty", lambda shape, pin_memory: empty(shape))
    monkeypatch.setattr(torch.Tensor, "to", lambda tensor, *_, **__: tensor)
    here, there = Streams(3, range(37), CPU), Streams(3, range(37), torch.device("cuda"))
    for shape in ((5,), (3, 4, 4)):
        assert torch.equal(here.normal(*shape), there.normal(*shape))


@pytest.mark.parametrize(("resolution", "at_once"), [(32, 1024), (64, 256), (128, 64), (2048, 1)])
def test_a_card_makes_as_many_images_at_once_as_fit(resolution, at_once):
    assert images_at_once(resolution, torch.device("cuda")) == at_once
    assert images_at_once(resolution, CPU) == 64


def test_streams_are_standard_normal_and_independent():
    draws = Streams(0, range(200), CPU).normal(500)
    assert abs(draws.mean().item()) < 0.02
    assert draws.var().item() == pytest.approx(1.0, rel=0.02)
    assert torch.corrcoef(draws).fill_diagonal_(0).abs().max() < 0.25
    first = Streams(0, [5], CPU)
    assert torch.equal(torch.cat([first.normal(3), first.normal(2)], 1), Streams(0, [5], CPU).normal(5))


def test_spherical_interpolation_keeps_angle_and_length():
    first, last = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    for share in (0.0, 0.25, 1.0):
        point = slerp(first, last, share)
        assert torch.allclose(
            point, torch.tensor([math.cos(share * math.pi / 2), math.sin(share * math.pi / 2)])
        )
    assert torch.allclose(slerp(first, first, 0.5), first)


def test_consistency_stops_at_the_noise_asked_for_and_at_no_other():
    networks = MODELS["unet"](widths=(8,), process="edm").networks(SHAPE)
    made = SAMPLERS["consistency"](steps=3, via=(2.0, 0.5)).sampler(networks, SHAPE, {})
    sigma = np.array(made.denoiser.process.sigma)
    assert sigma[made.grid] == pytest.approx([80.0, 2.0, 0.5, 0.0], rel=0.01)
    assert made.nfe == 3
    for settings in ({"via": (0.5, 2.0), "steps": 3}, {"via": (0.5,), "steps": 3}, {"autoguidance": 2.0}):
        with pytest.raises(SettingError, match=r"^sampler\.(via|steps|autoguidance)="):
            SAMPLERS["consistency"](**settings).sampler(networks, SHAPE, {})
