"""Probabilities of being best hold at their stated rate."""

import numpy as np
import pytest
from scipy.stats import norm, t

from gencompare.reporting.chances import best, of_order


def test_a_clear_leader_is_best_for_sure_and_equals_share():
    found = best({"fd": ("lower", {"a": [(1.0, 0.1)], "b": [(5.0, 0.1)]})})
    assert found["fd"]["a"] > 0.999
    even = best({"fd": ("lower", {"a": [(1.0, 0.1)], "b": [(1.0, 0.1)]})})
    assert even["fd"]["a"] == pytest.approx(0.5, abs=0.02)


def test_higher_is_better_where_it_is():
    assert best({"valid": ("higher", {"a": [(1.0, 0.1)], "b": [(5.0, 0.1)]})})["valid"]["b"] > 0.999


def test_together_counts_ranks_over_all_scores():
    found = best(
        {
            "fd": ("lower", {"a": [(1.0, 0.01)], "b": [(2.0, 0.01)], "c": [(3.0, 0.01)]}),
            "valid": ("higher", {"a": [(0.5, 0.01)], "b": [(0.9, 0.01)], "c": [(0.1, 0.01)]}),
        }
    )
    assert found["together"] == pytest.approx({"a": 0.5, "b": 0.5, "c": 0.0})


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_of_contenders_called_best_with_some_probability_that_share_is(seeds):
    """Known distributions: scatter of seeds 1 around true means 1.7 apart on average, 600 comparisons of two.

    Where a probability is near 0.7, about 70% must really be the better ones; and so on.
    """
    rng = np.random.default_rng(seeds)
    said, true = [], []
    for trial in range(600):
        means = rng.normal(0, 1.5, 2)
        contenders = {
            name: [(mean + rng.normal(0, 1), 0.05) for _ in range(seeds)]
            for name, mean in zip("ab", means, strict=True)
        }
        said.append(best({"fd": ("lower", contenders)}, seed=trial)["fd"]["a"])
        true.append(means[0] < means[1])
    said, true = np.array(said), np.array(true)
    sure = np.maximum(said, 1 - said)
    right = np.where(said > 0.5, true, ~true)
    for low, high in ((0.5, 0.7), (0.7, 0.9), (0.9, 1.0)):
        band = (sure >= low) & (sure < high)
        wide = 2.6 * np.sqrt(0.25 / band.sum())
        assert sure[band].mean() - 0.08 - wide < right[band].mean() < sure[band].mean() + 0.08 + wide


def test_an_order_of_two_is_as_probable_as_their_normal_difference_says():
    two = {"a": [(1.0, 0.3)], "b": [(1.5, 0.4)]}
    assert of_order(two, "lower") == pytest.approx(norm.cdf(0.5 / 0.5), abs=0.015)
    assert of_order(two, "higher") == pytest.approx(norm.cdf(-0.5 / 0.5), abs=0.015)


def test_of_three_that_are_alike_every_order_is_as_probable():
    assert of_order({name: [(1.0, 0.1)] for name in "abc"}, "lower") == pytest.approx(1 / 6, abs=0.015)


def test_what_samples_leave_open_is_drawn_normally_whatever_the_number_of_seeds():
    """Three seeds that hardly scatter: their samples' errors decide, by the normal distribution and not Student's of three."""
    two = {"a": [(1.0, 1.0)] * 3, "b": [(2.6, 1.0)] * 3}
    assert of_order(two, "lower") == pytest.approx(norm.cdf(1.6 / (2 / 3) ** 0.5), abs=0.008)
    common = {name: [(value, error, 0.8) for value, error in seeds] for name, seeds in two.items()}
    wide = (2 * (0.36 / 3 + 0.64)) ** 0.5
    assert of_order(common, "lower") == pytest.approx(norm.cdf(1.6 / wide), abs=0.008)


def test_what_seeds_leave_open_is_drawn_by_students_distribution():
    scattered = {"a": [(0.0, 0.01), (1.0, 0.01), (2.0, 0.01)], "b": [(2.5, 0.0)] * 3}
    assert of_order(scattered, "lower") == pytest.approx(t(2).cdf(1.5 * 3**0.5), abs=0.015)


def test_a_score_that_says_the_same_again_makes_nobody_surer():
    one = ("lower", {"a": [(1.0, 0.3)], "b": [(1.4, 0.3)]})
    alone, repeated = best({"fd": one}), best({f"fd{i}": one for i in range(10)})
    assert repeated["together"]["a"] == pytest.approx(alone["fd"]["a"], abs=1e-9)
    turned = ("higher", {"a": [(-1.0, 0.3)], "b": [(-1.4, 0.3)]})
    assert best({"fd": one, "valid": turned})["together"]["a"] == pytest.approx(alone["fd"]["a"], abs=1e-9)


def test_who_is_level_everywhere_shares_the_first_place():
    level = ("higher", {"a": [(0.0, 0.0)], "b": [(0.0, 0.0)]})
    assert best({"coverage": level, "recall": level})["together"] == {"a": 0.5, "b": 0.5}


def test_a_score_that_somebody_lacks_does_not_count_together_and_leaves_nobody_out():
    fd = ("lower", {"a": [(1.0, 0.01)], "b": [(2.0, 0.01)], "c": [(3.0, 0.01)]})
    agreement = ("higher", {"b": [(0.8, 0.01)], "c": [(0.9, 0.01)]})
    found = best({"fd": fd, "class_agreement": agreement})
    assert found["together"] == pytest.approx({"a": 1.0, "b": 0.0, "c": 0.0})
    assert found["class_agreement"] == pytest.approx({"b": 0.0, "c": 1.0})
