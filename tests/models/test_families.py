"""Facts that hold for every family of the zoo."""

import pytest
import torch

from gencompare.config.typed import SettingError
from gencompare.models import MODELS
from gencompare.models.parts.diffusion import Denoiser
from gencompare.models.parts.latent import LatentModel
from gencompare.models.parts.lookup import only, require
from gencompare.models.parts.shape import ImageShape
from gencompare.models.vq_vae import AutoEncoder, Prior

SMALL = {
    "mlp_gan": {"latent_dim": 5, "width": 8, "precision": "float32"},
    "dcgan": {"latent_dim": 5, "width": 8, "precision": "float32"},
    "dcgan_upsample": {"latent_dim": 5, "width": 8, "residual": "both", "precision": "float32"},
    "resnet_gan": {"latent_dim": 5, "width": 4, "max_width": 16, "attention": (8,), "precision": "float32"},
    "r3gan": {"latent_dim": 5, "width": 16, "precision": "float32"},
    "progressive_gan": {"latent_dim": 5, "width": 4, "max_width": 16},
    "vae": {"latent_dim": 5, "width": 8, "precision": "float32"},
    "vq_vae": {"width": 8, "side": 4, "codes": 6, "prior_width": 32, "precision": "float32"},
    "unet": {"widths": (8, 16), "precision": "float32"},
}


def networks(name, shape, **settings):
    torch.manual_seed(0)
    return MODELS[name](**(SMALL[name] | settings)).networks(shape)


def test_every_family_is_tested_here():
    assert set(MODELS) == {*SMALL, "pretrained_unet"}  # that one has tests of its own


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("resolution", [16, 32, 64, 128])
@pytest.mark.parametrize("name", SMALL)
def test_images_have_the_shape_asked_for(name, resolution, channels):
    shape = ImageShape(channels, resolution)
    MODELS[name](**SMALL[name]).check(shape)
    size = (2, channels, resolution, resolution)
    for network in networks(name, shape).values():
        if isinstance(network, LatentModel):
            made = network.eval().generate(torch.randn(2, network.latent_dim))
            assert made.shape == size
            assert made.abs().max() <= 1
        elif isinstance(network, Denoiser):
            assert network(torch.randn(size), torch.tensor([1, 1000])).shape == size
        elif isinstance(network, AutoEncoder):
            assert network(torch.randn(size)).reconstructions.shape == size
        elif isinstance(network, Prior):
            assert network(torch.zeros(2, 16, dtype=torch.long)).shape == (2, 16, 6)
        else:
            assert network(torch.randn(size)).shape == (2,)


@pytest.mark.parametrize("resolution", [8, 24, 48, 256])
@pytest.mark.parametrize("name", SMALL)
def test_resolutions_that_cannot_be_made_are_refused_by_name(name, resolution):
    with pytest.raises(SettingError, match=rf"^resolution={resolution}: .*16, 32, 64, 128"):
        MODELS[name](**SMALL[name]).check(ImageShape(3, resolution))


@pytest.mark.parametrize("name", SMALL)
def test_fresh_networks_depend_on_the_global_seed_alone(name):
    shape = ImageShape(3, 16)
    first, again = networks(name, shape), networks(name, shape)
    for network in first:
        other = again[network].state_dict()
        assert all(torch.equal(value, other[key]) for key, value in first[network].state_dict().items())


@pytest.mark.parametrize("name", SMALL)
def test_memory_layout_does_not_change_results(name):
    for network in networks(name, ImageShape(3, 16)).values():
        network.eval()
        if isinstance(network, LatentModel):
            call, given = network.generate, (torch.randn(4, network.latent_dim),)
        elif isinstance(network, Denoiser):
            torch.nn.init.normal_(network.backbone.head[-1].weight)
            call, given = network, (torch.randn(4, 3, 16, 16), torch.tensor([1, 10, 100, 1000]))
        elif isinstance(network, AutoEncoder):
            call, given = network.decode, (torch.randn(4, 16, 16),)
        elif isinstance(network, Prior):
            call, given = network, (torch.randint(6, (4, 16)),)
        else:
            call, given = network, (torch.randn(4, 3, 16, 16),)
        before = call(*given)
        network.to(memory_format=torch.channels_last)
        assert torch.allclose(call(*given), before, atol=1e-5)


def test_networks_are_found_by_name_or_by_kind_or_refused_with_what_there_is():
    shape = ImageShape(1, 16)
    gan = networks("dcgan", shape)
    assert require(gan, "generator", LatentModel, "objective") is gan["generator"]
    assert only(gan, LatentModel, "sampler") is gan["generator"]
    with pytest.raises(SettingError, match=r"^sampler.name='ddim': .*Denoiser.*generator \(Generator\)"):
        only(gan, Denoiser, "sampler.name='ddim'")
    with pytest.raises(SettingError, match=r"needs a network 'vae'"):
        require(gan, "vae", LatentModel, "objective")


@pytest.mark.parametrize("name", ["dcgan", "resnet_gan", "r3gan", "progressive_gan"])
def test_conditional_networks_depend_on_the_label_once_it_is_learnt(name):
    gan = networks(name, ImageShape(3, 16, classes=4), conditional=True)
    latent, labels = torch.randn(2, 5), torch.tensor([0, 3])
    for network in gan.values():
        network.eval()
        for module in network.modules():
            if isinstance(module, torch.nn.Embedding):
                torch.nn.init.normal_(module.weight)
    made = gan["generator"].generate(latent, labels)
    assert not torch.allclose(made, gan["generator"].generate(latent, labels.flip(0)))
    judged = gan["discriminator"](made, labels)
    assert not torch.allclose(judged, gan["discriminator"](made, labels.flip(0)))
    with pytest.raises(SettingError, match="the image set has no labels"):
        MODELS[name](conditional=True).check(ImageShape(3, 16))


def test_a_critic_for_wgan_gp_has_no_batch_normalisation():
    for norm, count in (("batch", 1), ("none", 0)):
        critic = networks("dcgan", ImageShape(3, 16), critic_norm=norm)["discriminator"]
        assert sum(isinstance(module, torch.nn.BatchNorm2d) for module in critic.modules()) == count
