import pytest
import torch

from gencompare.objectives.diversity import ranked_above, variety


def images(n=64):
    torch.manual_seed(0)
    return torch.randn(n, 3, 4, 4)


def test_diversity_is_the_ratio_of_root_mean_square_distances():
    real, fake = images(20), 0.3 * torch.randn(12, 3, 4, 4)
    rms = [torch.pdist(x.flatten(1)).square().mean().sqrt() for x in (fake, real)]
    assert variety(fake, real)[0].item() == pytest.approx((rms[0] / rms[1]).item(), rel=1e-5)


def test_distinctness_is_the_ratio_of_median_distances_to_the_nearest():
    real, fake = images(20), 0.3 * torch.randn(12, 3, 4, 4)
    nearest = [torch.cdist(x.flatten(1), x.flatten(1)).fill_diagonal_(9e9).amin(1) for x in (fake, real)]
    expected = nearest[0].median() / nearest[1].median()
    assert variety(fake, real)[1].item() == pytest.approx(expected.item(), rel=1e-5)


def test_both_scale_with_the_fakes_and_are_one_for_real_images():
    real = images()
    assert [value.item() for value in variety(real, real)] == pytest.approx([1.0, 1.0])
    assert [value.item() for value in variety(0.25 * real + 5, real)] == pytest.approx([0.25, 0.25], rel=1e-4)


def test_the_same_fake_over_and_over_has_neither():
    real = images()
    assert [value.item() for value in variety(real[:1].repeat(64, 1, 1, 1), real)] == [0.0, 0.0]


def test_fakes_that_are_nearly_alike_keep_their_digits():
    real = images()
    nearly = torch.ones_like(real) + 1e-3 * real
    assert [value.item() for value in variety(nearly, real)] == pytest.approx([1e-3, 1e-3], rel=1e-2)


def test_a_few_far_apart_kinds_are_diverse_but_not_distinct():
    real = images()
    diversity, distinctness = variety(real[:4].repeat(16, 1, 1, 1), real)
    assert diversity.item() > 0.7
    assert distinctness.item() == pytest.approx(0, abs=2e-3)


def test_identical_real_images_give_finite_numbers():
    same = torch.ones(8, 1, 4, 4)
    assert all(value.isfinite() for value in variety(images(8)[:, :1], same))


def test_the_images_are_left_as_they_are():
    real, fake = images(8), images(9)
    before = real.clone(), fake.clone()
    variety(fake, real)
    assert torch.equal(real, before[0])
    assert torch.equal(fake, before[1])


def test_ranking_counts_pairs_and_ties_half():
    assert ranked_above(torch.tensor([3.0, 4.0]), torch.tensor([1.0, 2.0])).item() == 1
    assert ranked_above(torch.tensor([0.0, 3.0]), torch.tensor([1.0, 2.0])).item() == 0.5
    assert ranked_above(torch.zeros(5), torch.zeros(3)).item() == 0.5
    assert ranked_above(torch.tensor([2.0]), torch.tensor([1.0, 2.0, 3.0, 4.0])).item() == 0.375
