import numpy as np
import pytest
import torch
from torch_fidelity.metric_prc import calculate_precision_recall_full

from gencompare.evaluation.fidelity import directions, fidelity_and_diversity

from .clouds import cloud


def all_of(samples: np.ndarray, reference: np.ndarray, k: int) -> dict[str, float]:
    found = fidelity_and_diversity(samples, reference, k, [np.arange(len(samples))])
    return {name: float(values[0]) for name, values in found.items()}


def test_points_on_a_line_have_the_shares_counted_by_hand() -> None:
    # balls of the reference reach 1, 1, 1 and 8; of the samples 0.5, 0.5 and 4.5
    reference = np.array([[0.0], [1.0], [2.0], [10.0]], np.float32)
    samples = np.array([[0.5], [1.0], [5.5]], np.float32)
    assert all_of(samples, reference, k=1) == {
        "precision": pytest.approx(1.0),  # 5.5 is within 8 of 10
        "recall": pytest.approx(1.0),  # 2 and 10 lie within 4.5 of 5.5, 0 within 0.5 of 0.5
        "density": pytest.approx((2 + 3 + 1) / 3),
        "coverage": pytest.approx(1.0),
    }


def test_far_samples_score_nothing() -> None:
    found = all_of(cloud(40, 8, 0) + 100, cloud(40, 8, 1), k=3)
    assert found == {"precision": 0.0, "recall": 0.0, "density": 0.0, "coverage": 0.0}


def test_the_reference_itself_scores_full() -> None:
    found = all_of(cloud(40, 8, 0), cloud(40, 8, 0), k=3)
    assert (found["precision"], found["recall"], found["coverage"]) == (1.0, 1.0, 1.0)
    assert found["density"] > 1


def test_a_dropped_mode_costs_recall_and_coverage_but_not_precision() -> None:
    two_modes = np.concatenate([cloud(100, 8, 0), cloud(100, 8, 1) + 30])
    found = all_of(cloud(200, 8, 2), two_modes, k=5)
    assert found["precision"] > 0.9
    assert found["recall"] < 0.6
    assert found["coverage"] < 0.6


@pytest.mark.parametrize("k", [3, 5])
def test_precision_and_recall_agree_with_torch_fidelity(k: int) -> None:
    x, y = cloud(300, 64, 0, shift=0.1), cloud(250, 64, 1)
    precision, recall = calculate_precision_recall_full(torch.from_numpy(x), torch.from_numpy(y), k)
    found = all_of(x, y, k)
    assert 0 < found["precision"] < 1
    assert (found["precision"], found["recall"]) == (
        pytest.approx(precision, rel=1e-3),
        pytest.approx(recall, rel=1e-3),
    )


def test_a_subset_scores_what_it_scores_by_itself() -> None:
    x, y, half = cloud(200, 16, 0), cloud(150, 16, 1, shift=0.2), np.arange(0, 200, 2)
    within = fidelity_and_diversity(x, y, 5, [np.arange(200), half])
    alone = fidelity_and_diversity(x[half], y, 5, [np.arange(100)])
    for name, values in within.items():
        assert values[1] == pytest.approx(alone[name][0], abs=1e-6), name


def excited(n: int, seed: int, features: slice, strength: float) -> np.ndarray:
    """Features (N, 1280) that are 0 but for a tenth of some of them, as a network's last maps are."""
    rng, found = np.random.default_rng(seed), np.zeros((n, 1280), np.float32)
    wide = found[:, features].shape
    found[:, features] = strength * np.abs(rng.normal(size=wide)) * (rng.random(wide) < 0.1)
    return found


def test_what_lies_in_the_middle_of_the_cloud_is_near_by_distance_and_not_by_direction() -> None:
    real = excited(200, 0, slice(0, 1000), 1.0)
    faint = excited(200, 1, slice(1000, 1280), 0.1)
    by_distance = all_of(faint, real, k=5)
    by_direction = all_of(directions(faint), directions(real), k=5)
    assert by_distance["precision"] == 1.0
    assert by_distance["density"] > 1.0
    assert by_direction["precision"] == by_direction["density"] == by_direction["coverage"] == 0.0
    assert all_of(directions(excited(200, 2, slice(0, 1000), 1.0)), directions(real), k=5)["precision"] > 0.5


def test_directions_have_length_one_and_nothing_stays_nothing() -> None:
    found = directions(np.array([[3.0, 4.0], [0.0, 0.0]], np.float32))
    np.testing.assert_allclose(found, [[0.6, 0.8], [0.0, 0.0]], rtol=1e-6)
