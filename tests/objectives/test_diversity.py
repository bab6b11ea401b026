import pytest
import torch

from gencompare.objectives.diversity import distinctness, diversity, ranked_above


def images(n=64):
    torch.manual_seed(0)
    return torch.randn(n, 3, 4, 4)


def test_diversity_is_the_ratio_of_root_mean_square_distances():
    real, fake = images(20), 0.3 * torch.randn(12, 3, 4, 4)
    rms = [torch.pdist(x.flatten(1)).square().mean().sqrt() for x in (fake, real)]
    assert diversity(fake, real).item() == pytest.approx((rms[0] / rms[1]).item(), rel=1e-5)


def test_both_scale_with_the_fakes_and_are_one_for_real_images():
    real = images()
    for measure in (diversity, distinctness):
        assert measure(real, real).item() == pytest.approx(1.0)
        assert measure(0.25 * real + 5, real).item() == pytest.approx(0.25, rel=1e-3)


def test_the_same_fake_over_and_over_has_neither():
    real = images()
    assert diversity(real[:1].repeat(64, 1, 1, 1), real).item() == pytest.approx(0, abs=1e-5)
    assert distinctness(real[:1].repeat(64, 1, 1, 1), real).item() == pytest.approx(0, abs=1e-3)


def test_a_few_far_apart_kinds_are_diverse_but_not_distinct():
    real = images()
    few = real[:4].repeat(16, 1, 1, 1)
    assert diversity(few, real).item() > 0.7
    assert distinctness(few, real).item() == pytest.approx(0, abs=1e-3)


def test_identical_real_images_give_finite_numbers():
    same = torch.ones(8, 1, 4, 4)
    assert diversity(images(8)[:, :1], same).isfinite()
    assert distinctness(images(8)[:, :1], same).isfinite()


def test_ranking_counts_pairs_and_ties_half():
    assert ranked_above(torch.tensor([3.0, 4.0]), torch.tensor([1.0, 2.0])).item() == 1
    assert ranked_above(torch.tensor([0.0, 3.0]), torch.tensor([1.0, 2.0])).item() == 0.5
    assert ranked_above(torch.zeros(5), torch.zeros(3)).item() == 0.5
    assert ranked_above(torch.tensor([2.0]), torch.tensor([1.0, 2.0, 3.0, 4.0])).item() == 0.375
