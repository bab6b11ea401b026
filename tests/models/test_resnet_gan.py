import pytest
import torch
from torch import nn

from gencompare.config.typed import SettingError
from gencompare.models.gan_settings import ResNetGAN
from gencompare.models.parts.layers import Norm
from gencompare.models.parts.shape import ImageShape
from gencompare.models.resnet_gan import DownBlock, SelfAttention, UpBlock

SHAPE = ImageShape(1, 16, 3)


def networks(**settings):
    torch.manual_seed(0)
    made = ResNetGAN(
        **({"latent_dim": 5, "width": 4, "max_width": 16, "precision": "float32"} | settings)
    ).networks(SHAPE)
    return made["generator"], made["discriminator"]


def test_the_default_is_the_published_network_at_32_pixels():
    made = ResNetGAN().networks(ImageShape(3, 32))
    ups = [(m.first.in_channels, m.first.out_channels) for m in made["generator"].blocks]
    downs = [block for block in made["discriminator"].blocks if isinstance(block, DownBlock)]
    assert ups == [(128, 128)] * 3
    assert [block.first.out_channels for block in downs] == [128] * 4
    assert [isinstance(block.shrink, nn.AvgPool2d) for block in downs] == [True, True, False, False]


def test_the_critic_has_no_batch_statistics():
    _, critic = networks(attention=(8,))
    images = torch.randn(4, 1, 16, 16)
    alone = torch.cat([critic(image[None]) for image in images])
    assert torch.allclose(critic(images), alone, atol=1e-6)


def test_spectral_normalisation_makes_the_largest_singular_value_one():
    _, critic = networks(critic_norm="spectral", conditional=True)
    for _ in range(30):  # a power iteration each
        critic(torch.randn(2, 1, 16, 16), torch.tensor([0, 1]))
    critic.eval()
    norms = [
        torch.linalg.matrix_norm(module.weight.flatten(1), ord=2).item()
        for module in critic.modules()
        if isinstance(module, (nn.Conv2d, nn.Linear, nn.Embedding))
    ]
    assert len(norms) > 8
    assert norms == pytest.approx([1.0] * len(norms), rel=0.02)


def test_projection_adds_the_labels_inner_product_with_the_features():
    _, critic = networks(conditional=True)
    images, labels = torch.randn(3, 1, 16, 16), torch.tensor([0, 1, 2])
    features = torch.relu(critic.blocks(images)).mean((2, 3))
    by_hand = critic.logit(features)[:, 0] + torch.einsum("nc,nc->n", critic.label.weight, features)
    assert torch.allclose(critic(images, labels), by_hand)


def test_conditional_norm_starts_as_plain_batch_norm_and_then_follows_the_label():
    norm = Norm(4, classes=2)
    x = 3 * torch.randn(6, 4, 5, 5) + 2
    labels = torch.tensor([0, 1] * 3)
    plain = nn.functional.batch_norm(x, None, None, training=True)
    assert torch.allclose(norm(x, labels), plain, atol=1e-5)
    with torch.no_grad():
        norm.by_label.weight[1] = torch.tensor([1.0] * 4 + [5.0] * 4)
    assert torch.allclose(norm(x, labels)[1::2], 2 * plain[1::2] + 5, atol=1e-5)
    assert torch.allclose(norm(x, labels)[::2], plain[::2], atol=1e-5)


def test_attention_starts_as_the_identity_and_mixes_places_after():
    attention = SelfAttention(16)
    x = torch.randn(2, 16, 4, 4)
    assert torch.equal(attention(x), x)
    nn.init.ones_(attention.gain)
    nn.init.zeros_(attention.query_key_value.weight)  # all places weigh the same
    nn.init.zeros_(attention.query_key_value.bias)
    with torch.no_grad():
        attention.query_key_value.weight[-16:, :, 0, 0] = torch.eye(16)
    assert torch.allclose(attention(x), x + x.mean((2, 3), keepdim=True), atol=1e-5)


@pytest.mark.parametrize("side", [4, 8, 16])
def test_attention_stands_at_the_sides_asked_for(side):
    generator, critic = networks(attention=(side,))
    seen = []
    for module in [*generator.modules(), *critic.modules()]:
        if isinstance(module, SelfAttention):
            module.register_forward_hook(lambda _, given, __: seen.append(given[0].shape[-1]))
    critic(generator.generate(torch.randn(2, 5)))
    assert set(seen) <= {side}
    # The generator's blocks end at 8 and 16 pixels; the critic's at 8 only, where it stops to shrink.
    assert len(seen) == {4: 0, 8: 2, 16: 1}[side]


def test_shortcuts_carry_the_image_where_the_residual_is_zero():
    up, down = UpBlock(3, 3, classes=0, attends=False), DownBlock(3, 3)
    x = torch.randn(2, 3, 4, 4)
    for block in (up, down):
        nn.init.zeros_(block.second.weight)
        nn.init.zeros_(block.second.bias)
    twice = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert torch.allclose(up(x, None), up.shortcut(twice), atol=1e-6)
    assert torch.allclose(down(x), down.shortcut(nn.functional.avg_pool2d(x, 2)), atol=1e-6)


def test_a_conditional_model_refuses_images_without_labels():
    with pytest.raises(SettingError, match=r"^model.conditional=True: the image set has no labels"):
        ResNetGAN(conditional=True).check(ImageShape(3, 32))
