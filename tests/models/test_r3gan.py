import pytest
import torch

from gencompare.config.typed import SettingError, build
from gencompare.models.gan_settings import R3GAN
from gencompare.models.parts.shape import ImageShape
from gencompare.models.r3gan import Block, doubled, halved

SHAPE = ImageShape(3, 16)


def test_blocks_start_as_the_identity():
    x = torch.randn(2, 16, 4, 4)
    assert torch.equal(Block(16, 4)(x), x)


def test_resampling_keeps_the_brightness_of_flat_maps():
    flat = torch.full((1, 2, 8, 8), 3.0)
    assert torch.allclose(halved(flat)[:, :, 1:, 1:], flat[:, :, 1:4, 1:4])
    assert torch.allclose(doubled(flat)[:, :, :-1, :-1], torch.full((1, 2, 15, 15), 3.0))


def test_doubling_is_four_times_the_adjoint_of_halving():
    small, large = torch.randn(1, 2, 4, 4), torch.randn(1, 2, 8, 8)
    assert torch.allclose((doubled(small) * large).sum(), 4 * (small * halved(large)).sum(), atol=1e-4)


def test_all_its_parameters_learn_and_none_is_a_normalisation():
    torch.manual_seed(0)
    made = R3GAN(latent_dim=4, width=16, blocks=2, precision="float32").networks(SHAPE)
    for network in made.values():
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, 0, 0.1)
        assert not any("Norm" in type(module).__name__ for module in network.modules())
    images = made["generator"](torch.randn(3, 4))
    made["discriminator"](images).sum().backward()
    assert all(p.grad is not None and p.grad.any() for n in made.values() for p in n.parameters())


def test_images_are_bounded_when_sampled_and_free_while_trained():
    generator = R3GAN(latent_dim=4, width=16, precision="float32").networks(SHAPE)["generator"]
    latent = 100 * torch.randn(8, 4)
    assert generator.generate(latent).abs().max() > 1
    assert generator.eval().generate(latent).abs().max() == 1


def test_a_width_that_cannot_be_grouped_is_refused():
    with pytest.raises(SettingError, match="^model.width=20: "):
        build(R3GAN, {"width": 20}, "model")
