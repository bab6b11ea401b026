import pytest
import torch
from torch import nn

from gencompare.models.dcgan_upsample import DownResidual, UpResidual
from gencompare.models.gan_settings import UpsampleDCGAN
from gencompare.models.parts.shape import ImageShape


def networks(**settings):
    torch.manual_seed(0)
    made = UpsampleDCGAN(**({"latent_dim": 5, "width": 8, "precision": "float32"} | settings)).networks(
        ImageShape(3, 32)
    )
    return made["generator"], made["discriminator"]


@pytest.mark.parametrize("residual", ["none", "generator", "both"])
def test_residual_blocks_stand_where_they_are_asked_for(residual):
    generator, discriminator = networks(residual=residual)
    assert any(isinstance(m, UpResidual) for m in generator.modules()) == (residual != "none")
    assert any(isinstance(m, DownResidual) for m in discriminator.modules()) == (residual == "both")


@pytest.mark.parametrize("residual", ["none", "both"])
def test_there_is_no_dense_layer_and_no_statistic_of_the_batch(residual):
    for network in networks(residual=residual):
        assert not any(isinstance(m, (nn.Linear, nn.BatchNorm2d)) for m in network.modules())
    generator, _ = networks(residual=residual)
    latent = torch.randn(4, 5)
    alone = torch.cat([generator.generate(one[None]) for one in latent])
    assert torch.allclose(generator.generate(latent), alone, atol=1e-5)


@pytest.mark.parametrize("residual", ["none", "both"])
def test_both_networks_are_fully_convolutional(residual):
    generator, discriminator = networks(residual=residual)
    wide = generator.layers(torch.randn(2, 5, 1, 3))
    assert wide.shape == (2, 3, 32, 48)
    assert discriminator.layers(wide).shape == (2, 1, 1, 3)


def test_only_the_first_layer_is_a_transposed_convolution():
    generator, _ = networks(residual="both")
    transposed = [m for m in generator.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert transposed == [generator.layers[0]]
    assert transposed[0].stride == (1, 1)
