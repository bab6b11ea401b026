import pytest
import torch

from gencompare.models.gan_settings import DCGAN
from gencompare.models.parts.shape import ImageShape


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_weights_start_as_the_paper_says_or_by_he_where_nothing_is_normalised(norm):
    torch.manual_seed(0)
    discriminator = DCGAN(critic_norm=norm, width=32).networks(ImageShape(3, 32))["discriminator"]
    second = [layer for layer in discriminator.layers if isinstance(layer, torch.nn.Conv2d)][1]
    expected = {"batch": 0.02, "none": (2 / (1 + 0.2**2) / (16 * 32)) ** 0.5}  # 16 places, 32 channels
    assert second.weight.std().item() == pytest.approx(expected[norm], rel=0.02)


def test_what_enters_a_critic_without_normalisation_comes_out_as_strong():
    torch.manual_seed(0)
    critic = DCGAN(critic_norm="none", width=32, precision="float32").networks(ImageShape(3, 32))[
        "discriminator"
    ]
    assert 0.2 < critic(torch.randn(256, 3, 32, 32)).std().item() < 5.0
