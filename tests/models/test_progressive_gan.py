import math

import pytest
import torch
from torch import nn

from gencompare.config.typed import SettingError
from gencompare.models.gan_settings import ProgressiveGAN
from gencompare.models.parts.growing import WHOLE, Stage
from gencompare.models.parts.layers import enlarged, shrunk
from gencompare.models.parts.shape import ImageShape
from gencompare.models.progressive_gan import (
    EnlargingConv2d,
    EqualConv2d,
    EqualLinear,
    ShrinkingConv2d,
    _minibatch_deviation,
    _pixel_norm,
)


def networks(resolution=16, channels=3, classes=0, **settings):
    torch.manual_seed(0)
    shape = ImageShape(channels, resolution, classes)
    made = ProgressiveGAN(latent_dim=6, width=4, max_width=16, **settings).networks(shape)
    return made["generator"], made["discriminator"]


@pytest.mark.parametrize("resolution", [16, 32, 64, 128])
def test_shapes_at_every_stage_of_every_resolution(resolution):
    generator, discriminator = networks(resolution)
    latent, images = torch.randn(2, 6), torch.randn(2, 3, resolution, resolution)
    assert 4 * 2 ** (generator.levels - 1) == resolution
    for level, side in enumerate(4 * 2**level for level in range(generator.levels)):
        for fade in (0, WHOLE // 2, WHOLE) if level else (WHOLE,):
            generator.stage = discriminator.stage = Stage(level, fade)
            assert generator(latent).shape == (2, 3, side, side)
            assert generator.generate(latent).shape == images.shape
            assert discriminator(images).shape == (2,)


@pytest.mark.parametrize("level", [1, 2])
def test_fade_in_goes_from_the_enlarged_level_below_to_the_new_one(level):
    generator, _ = networks()
    latent = torch.randn(5, 6)

    def made(stage):
        generator.stage = stage
        return generator(latent)

    below, new = enlarged(made(Stage(level - 1)), 2), made(Stage(level))
    assert torch.equal(made(Stage(level, 0)), below)
    assert torch.allclose(made(Stage(level, WHOLE // 4)), 0.75 * below + 0.25 * new, atol=1e-6)
    assert not torch.allclose(below, new, atol=1e-2)
    # Fully faded in, it is the new level alone: the level below's way to an image has no part in it.
    nn.init.zeros_(generator.to_image[level - 1].weight)
    assert torch.equal(made(Stage(level)), new)


@pytest.mark.parametrize("level", [1, 2])
def test_the_critic_fades_in_from_what_it_thought_of_the_shrunken_image(level):
    _, critic = networks()
    images = torch.randn(5, 3, 16, 16)

    def judged(stage):
        critic.stage = stage
        return critic(images)

    below = judged(Stage(level - 1))
    assert torch.allclose(judged(Stage(level, 0)), below, atol=1e-5)
    new = judged(Stage(level))
    assert not torch.allclose(below, new, atol=1e-3)
    nn.init.zeros_(critic.from_image[level - 1].weight)
    assert torch.equal(judged(Stage(level)), new)


def test_layers_of_later_stages_get_no_gradient_and_weights_carry_over():
    generator, critic = networks()
    generator.stage = critic.stage = Stage(1)
    critic(generator.generate(torch.randn(4, 6))).sum().backward()
    assert all(parameter.grad is None for parameter in generator.blocks[1].parameters())
    assert all(parameter.grad is not None for parameter in generator.blocks[0].parameters())
    assert all(parameter.grad is None for parameter in critic.blocks[1].parameters())


@pytest.mark.parametrize("layer", [EqualConv2d(6, 50, 3), EqualLinear(54, 4000)])
def test_equalised_layers_store_unit_weights_and_apply_hes_constant(layer):
    assert layer.scale == pytest.approx(math.sqrt(2 / 54))
    assert layer.weight.std().item() == pytest.approx(1.0, abs=0.05)
    assert not layer.bias.any()
    x = torch.randn(16, 6, 8, 8) if isinstance(layer, EqualConv2d) else torch.randn(16, 54)
    plain = nn.functional.conv2d if isinstance(layer, EqualConv2d) else nn.functional.linear
    padding = {"padding": 1} if isinstance(layer, EqualConv2d) else {}
    assert torch.allclose(layer(x), plain(x, layer.weight, **padding) * math.sqrt(2 / 54), atol=1e-4)


def test_equalised_layers_keep_unit_variance_through_a_rectifier():
    torch.manual_seed(0)
    x = torch.randn(256, 400)
    for _ in range(3):
        x = torch.relu(EqualLinear(400, 400)(x))
    assert x.square().mean().item() == pytest.approx(1.0, rel=0.2)


def test_pixel_norm_gives_every_pixel_mean_square_one():
    x = 7 * torch.randn(3, 16, 5, 5)
    assert torch.allclose(_pixel_norm(x).square().mean(1), torch.ones(3, 5, 5), atol=1e-5)


def test_minibatch_deviation_of_identical_images_is_zero():
    image = torch.randn(1, 8, 4, 4)
    deviation = _minibatch_deviation(image.repeat(6, 1, 1, 1))
    assert deviation.shape == (6, 1, 4, 4)
    assert deviation.abs().max() <= 1.1e-4  # the root of the 1e-8 that keeps its gradient finite


def test_minibatch_deviation_of_noise_is_its_deviation():
    assert _minibatch_deviation(3 * torch.randn(500, 8, 4, 4)).unique().item() == pytest.approx(3, rel=0.02)


def test_labels_change_images_and_opinions():
    generator, critic = networks(classes=3, conditional=True)
    latent = torch.randn(1, 6).repeat(3, 1)
    labels = torch.arange(3)
    images = generator.generate(latent, labels)
    assert not torch.allclose(images[0], images[1], atol=1e-3)
    assert torch.allclose(images[2], generator.generate(latent[2:], labels[2:])[0], atol=1e-5)
    same = images[:1].repeat(3, 1, 1, 1)
    assert critic(same, labels).unique().numel() == 3
    assert generator.classes == 3
    assert networks(classes=3)[0].classes == 0


def test_a_conditional_model_refuses_images_without_labels():
    with pytest.raises(SettingError, match=r"^model.conditional=True: the image set has no labels"):
        ProgressiveGAN(conditional=True).check(ImageShape(3, 16))


def test_images_at_an_earlier_resolution_are_blocks_of_its_pixels():
    generator, _ = networks()
    latent = torch.randn(2, 6)
    generator.stage = Stage(1)
    images = generator.generate(latent)
    assert images.shape == (2, 3, 16, 16)
    assert torch.equal(enlarged(shrunk(images, 2), 2), images)


@pytest.mark.parametrize(
    ("fused", "in_two_steps"),
    [
        (EnlargingConv2d, lambda layer, x: EqualConv2d.forward(layer, enlarged(x, 2))),
        (ShrinkingConv2d, lambda layer, x: shrunk(EqualConv2d.forward(layer, x), 2)),
    ],
)
def test_fused_scaling_is_scaling_and_convolution(fused, in_two_steps):
    torch.manual_seed(0)
    layer, x = fused(3, 5, 3).double(), torch.randn(2, 3, 8, 8, dtype=torch.float64)
    nn.init.normal_(layer.bias)
    assert torch.allclose(layer(x), in_two_steps(layer, x), atol=1e-12)
