import pytest
import torch

from gencompare.config.typed import SettingError
from gencompare.models import settings
from gencompare.models.parts.shape import ImageShape
from gencompare.models.settings import UNet
from gencompare.models.unet import Attention, Backbone, TimeEmbedding

GREY = ImageShape(1, 16)


def backbone(shape=GREY, **settings):
    torch.manual_seed(0)
    return Backbone(UNet(**({"widths": (8, 16), "precision": "float32"} | settings)), shape)


def test_it_starts_by_predicting_nearly_nothing():
    prediction = backbone()(torch.randn(4, 1, 16, 16), torch.tensor([0, 300, 600, 999]))
    assert 0 < prediction.std() < 0.5


def test_a_dual_prediction_has_three_outputs_a_channel():
    prediction = backbone(ImageShape(3, 16), prediction="dual")(
        torch.randn(2, 3, 16, 16), torch.tensor([0, 999])
    )
    assert prediction.shape == (2, 9, 16, 16)


def test_attention_at_no_level_is_said_once(caplog):
    settings._say_once.cache_clear()  # whatever was said before this test
    ddpm = UNet(widths=(32, 64), attention=(8,))
    for resolution in (32, 16, 64, 64):
        ddpm.check(ImageShape(3, resolution))
    UNet(widths=(32, 64), attention=()).check(ImageShape(3, 128))
    (said,) = caplog.messages
    assert said.startswith(
        "model.attention=[8]: a unet of 2 widths and patch 2 at 64 pixels has maps of 32, 16 a"
    )
    networks = {side: Backbone(ddpm, ImageShape(3, side)) for side in (32, 64)}
    attentive = {
        side: any(isinstance(one, Attention) for one in net.modules()) for side, net in networks.items()
    }
    assert attentive == {32: True, 64: False}


def test_its_linear_part_scales_and_shifts_each_channel():
    network = backbone(ImageShape(3, 16))
    torch.nn.init.zeros_(network.head[-1].weight)
    with torch.no_grad():
        network.linear.weight.zero_()
        network.linear.bias.copy_(torch.tensor([1.0, 2.0, 3.0, 0.1, 0.2, 0.3]))
    x = torch.randn(2, 3, 16, 16)
    expected = torch.tensor([1.0, 2.0, 3.0])[:, None, None] * x + torch.tensor([0.1, 0.2, 0.3])[:, None, None]
    assert torch.allclose(network(x, torch.tensor([0, 999])), expected, atol=1e-6)


def test_its_prediction_depends_on_step_and_label():
    network = backbone(ImageShape(1, 16, classes=3), conditional=True).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.normal_(module.weight, 0, 0.1)
    x = torch.randn(1, 1, 16, 16).expand(3, -1, -1, -1)
    by_step = network(x, torch.tensor([0, 500, 999]), torch.tensor([1, 1, 1]))
    by_label = network(x, torch.tensor([5, 5, 5]), torch.tensor([0, 2, 3]))
    assert not torch.allclose(by_step[0], by_step[1], atol=1e-3)
    assert not torch.allclose(by_label[0], by_label[1], atol=1e-3)
    assert not torch.allclose(by_label[1], by_label[2], atol=1e-3)


def test_every_parameter_can_learn():
    network = backbone(ImageShape(3, 16, classes=3), conditional=True, attention=(8, 4), blocks=2)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, 0, 0.1)
    network(
        torch.randn(4, 3, 16, 16), torch.tensor([0, 1, 2, 3]), torch.tensor([0, 1, 2, 3])
    ).square().sum().backward()
    assert all(
        parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in network.parameters()
    )


def test_attention_of_equal_places_is_their_value():
    attention = Attention(32).eval()
    torch.nn.init.normal_(attention.out.weight)
    x = torch.randn(2, 32, 1, 1).expand(-1, -1, 4, 4).contiguous()
    values = attention.qkv(attention.norm(x))[:, 64:]
    assert torch.allclose(attention(x), x + attention.out(values), atol=1e-5)


@pytest.mark.parametrize(("width", "heads"), [(8, 1), (32, 1), (96, 3), (104, 1), (168, 1), (256, 8)])
def test_attention_has_heads_for_every_width_that_is_allowed(width, heads):
    UNet(widths=(width,)).check(GREY)
    attention = Attention(width)
    assert attention.heads == heads
    assert attention(torch.randn(2, width, 4, 4)).shape == (2, width, 4, 4)


def test_attention_moves_with_its_places():
    attention = Attention(64).eval()
    torch.nn.init.normal_(attention.out.weight, 0, 0.1)
    x = torch.randn(1, 64, 4, 4)
    assert torch.allclose(attention(x.roll(1, dims=3)), attention(x).roll(1, dims=3), atol=1e-5)


def test_attention_stands_where_the_feature_maps_have_the_sides_asked_for():
    def count(resolution, attention):
        modules = backbone(ImageShape(1, resolution), attention=attention).modules()
        return sum(isinstance(module, Attention) for module in modules)

    assert [count(16, sides) for sides in ((), (8,), (4,), (8, 4), (16,))] == [0, 2, 3, 5, 0]
    assert count(32, (8,)) == 3


def test_time_embedding_features_are_sinusoids_of_unit_pairs():
    embedding = TimeEmbedding(8, 4)
    angles = torch.tensor([0.0, 3.0])[:, None] * embedding.frequencies
    assert torch.equal(embedding.frequencies[:1], torch.ones(1))
    assert torch.allclose(angles.cos() ** 2 + angles.sin() ** 2, torch.ones(2, 4))


@pytest.mark.parametrize(
    ("settings", "setting"),
    [
        ({"widths": (8, 8, 8, 8, 8, 8), "patch": 2}, "model.patch=2 and 6 widths"),
        ({"patch": 3}, "model.patch=3 .*a patch that is a power of two"),
        ({"widths": (12,)}, "model.widths="),
        ({"conditional": True}, "model.conditional=True"),
    ],
)
def test_settings_that_do_not_fit_are_refused_by_name(settings, setting):
    with pytest.raises(SettingError, match=f"^{setting}"):
        UNet(**({"widths": (8, 16), "attention": ()} | settings)).check(ImageShape(3, 32))


def test_bfloat16_changes_the_prediction_little_and_its_type_not():
    torch.manual_seed(0)
    x, step = torch.randn(8, 1, 16, 16), torch.arange(8) * 100
    outputs = []
    for precision in ("float32", "bfloat16"):
        network = backbone(precision=precision).eval()
        torch.nn.init.normal_(network.head[-1].weight, 0, 0.1)
        outputs.append(network(x, step))
    exact, rounded = outputs
    assert rounded.dtype == torch.float32
    assert 0 < (rounded - exact).norm() / exact.norm() < 0.02
