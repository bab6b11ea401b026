import pytest
import torch

from gencompare.objectives.augment import AUGMENTATIONS, augment, color, cutout, translation


def images(n=200, channels=3, side=16):
    torch.manual_seed(0)
    return torch.rand(n, channels, side, side) * 2 - 1


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_shapes_stay_images_differ_and_gradients_flow(name):
    x = images(8).requires_grad_()
    made = augment(x, (name,))
    assert made.shape == x.shape
    assert not torch.equal(made, x)
    made.sum().backward()
    assert x.grad.abs().sum() > 0


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_the_global_seed_decides(name):
    x = images(8)
    torch.manual_seed(3)
    first = augment(x, (name,))
    torch.manual_seed(3)
    assert torch.equal(augment(x, (name,)), first)
    assert not torch.equal(augment(x, (name,)), first)


def test_no_names_no_change():
    x = images(2)
    assert augment(x, ()) is x


def test_color_is_a_shift_and_two_scalings_of_each_image():
    x = images(500)
    made = color(x)
    grey, made_grey = x.mean(1, keepdim=True), made.mean(1, keepdim=True)
    shift = made.mean((1, 2, 3)) - x.mean((1, 2, 3))
    assert shift.abs().max() <= 0.5
    assert shift.std().item() == pytest.approx((1 / 12) ** 0.5, rel=0.1)
    contrast = made_grey.std((1, 2, 3)) / grey.std((1, 2, 3))
    assert 0.5 <= contrast.min() < 0.55
    assert 1.45 < contrast.max() <= 1.5
    hues, made_hues = x - grey, made - made_grey
    saturation = made_hues.flatten(1).norm(dim=1) / hues.flatten(1).norm(dim=1) / contrast
    assert 0 <= saturation.min() < 0.1
    assert 1.9 < saturation.max() <= 2.0 + 1e-4
    rebuilt = saturation[:, None, None, None] * contrast[:, None, None, None] * hues
    assert torch.allclose(made_hues, rebuilt, atol=1e-4)


def test_color_leaves_a_grey_image_without_hue():
    made = color(images(20, channels=1).repeat(1, 3, 1, 1))
    assert torch.allclose(made[:, 0], made[:, 2], atol=1e-6)


def test_translation_moves_by_whole_pixels_up_to_an_eighth_and_fills_with_grey():
    x = torch.zeros(500, 1, 16, 16)
    x[:, 0, 8, 8] = 1.0
    made = translation(x)
    place = made.flatten(1).argmax(1)
    rows, columns = place // 16 - 8, place % 16 - 8
    assert set(rows.tolist()) == set(columns.tolist()) == {-2, -1, 0, 1, 2}
    assert torch.equal(made.sum((1, 2, 3)), torch.ones(500))
    full = translation(torch.ones(500, 1, 16, 16))
    lost = (full == 0).sum((1, 2, 3))
    assert set(lost.tolist()) <= {256 - (16 - a) * (16 - b) for a in range(3) for b in range(3)}


def test_cutout_greys_a_square_of_half_the_side_cut_at_the_edges():
    x = torch.ones(500, 2, 16, 16)
    made = cutout(x)
    rows, columns = (made == 0)[:, 0].any(2).sum(1), (made == 0)[:, 0].any(1).sum(1)
    area = (made == 0)[:, 0].sum((1, 2))
    assert torch.equal(area, rows * columns)
    assert rows.max() == columns.max() == 8
    assert rows.min() == 4  # half of it beyond the edge
    assert torch.equal(made[:, 0], made[:, 1])
