import time

import numpy as np
import pytest
import scipy.linalg
import torch
from threadpoolctl import threadpool_limits
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric

from gencompare.evaluation.distances import frechet, frechet_at_infinity, kernel_distance

from .clouds import cloud, exact_cloud


def rotation(d: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(5).normal(size=(d, d)))[0]


def between_gaussians(mean: np.ndarray, a: np.ndarray, other_mean: np.ndarray, b: np.ndarray) -> float:
    """Take the distance of two clouds that have exactly these means and covariances."""
    x, y = exact_cloud(mean, a, 0), exact_cloud(other_mean, b, 1)
    return frechet(x, y, [np.arange(len(x))])[0]


def test_gaussians_with_commuting_covariances_have_the_closed_form() -> None:
    a, b, apart = np.linspace(0.1, 3, 40), np.linspace(2, 0.5, 40), np.linspace(-1, 1, 40)
    turn = rotation(40)
    found = between_gaussians(np.zeros(40), turn * a @ turn.T, turn @ apart, turn * b @ turn.T)
    wanted = apart @ apart + np.sum((np.sqrt(a) - np.sqrt(b)) ** 2)
    assert found == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("rank", [1, 5, 39])
def test_singular_covariances_give_the_distance_within_their_span(rank: int) -> None:
    a = np.concatenate([np.linspace(0.1, 3, rank), np.zeros(40 - rank)])
    b = np.concatenate([np.linspace(2, 0.5, rank), np.zeros(40 - rank)])
    turn = rotation(40)
    found = between_gaussians(np.ones(40), turn * a @ turn.T, np.zeros(40), turn * b @ turn.T)
    assert found == pytest.approx(40 + np.sum((np.sqrt(a) - np.sqrt(b)) ** 2), rel=1e-6)


def test_covariances_that_share_no_direction_are_as_far_apart_as_their_traces() -> None:
    a, b = np.diag([1.0, 2.0, 0, 0]), np.diag([0, 0, 3.0, 4.0])
    assert between_gaussians(np.zeros(4), a, np.zeros(4), b) == pytest.approx(10, rel=1e-6)


@pytest.mark.parametrize(("n", "m"), [(60, 50), (60, 500), (500, 60), (500, 400)])
def test_any_features_agree_with_the_matrix_root(n: int, m: int) -> None:
    x, y = cloud(n, 120, 0), cloud(m, 120, 1, shift=0.2)
    a, b = np.cov(x.T, dtype=float), np.cov(y.T, dtype=float)
    apart = x.mean(axis=0, dtype=float) - y.mean(axis=0, dtype=float)
    wanted = apart @ apart + np.trace(a + b - 2 * scipy.linalg.sqrtm(a @ b)).real
    assert frechet(x, y, [np.arange(n)])[0] == pytest.approx(wanted, rel=1e-5)


def test_a_subset_has_the_distance_it_has_by_itself() -> None:
    x, y, half = cloud(80, 50, 0), cloud(90, 50, 1), np.arange(0, 80, 2)
    assert frechet(x, y, [half])[0] == pytest.approx(frechet(x[half], y, [np.arange(40)])[0], rel=1e-9)
    both = kernel_distance(x, y, [np.arange(80), half])
    assert both[1] == pytest.approx(kernel_distance(x[half], y, [np.arange(40)])[0], rel=1e-9)


def test_distance_to_itself_is_nothing() -> None:
    x = cloud(50, 120, 0)
    assert frechet(x, x, [np.arange(50)])[0] == pytest.approx(0, abs=1e-6 * np.trace(np.cov(x.T)))


@pytest.mark.parametrize("n", [200, 800])
def test_extrapolation_takes_the_bias_of_small_n_away(n: int) -> None:
    wanted = 100 * 0.2**2
    pairs = [(cloud(n, 100, i), cloud(n, 100, 50 + i, shift=0.2)) for i in range(6)]
    raw = np.mean([frechet(x, y, [np.arange(n)])[0] for x, y in pairs])
    extrapolated = np.mean([frechet_at_infinity(x, y, seed=0) for x, y in pairs])
    assert abs(extrapolated - wanted) < 0.15 * (raw - wanted)


@pytest.mark.parametrize(("n", "d"), [(100, 300), (400, 64)])
def test_distances_agree_with_torch_fidelity(n: int, d: int) -> None:
    x, y, everything = cloud(n, d, 0), cloud(n, d, 1, shift=0.3), [np.arange(n)]
    a, b = (fid_features_to_statistics(torch.from_numpy(z.astype(np.float64))) for z in (x, y))
    fid = fid_statistics_to_metric(a, b, verbose=False)["frechet_inception_distance"]
    assert frechet(x, y, everything)[0] == pytest.approx(fid, rel=1e-3)
    x64, y64 = torch.from_numpy(x.astype(np.float64)), torch.from_numpy(y.astype(np.float64))
    kid = kid_features_to_metric(x64, y64, kid_subsets=1, kid_subset_size=n, verbose=False)
    assert kernel_distance(x, y, everything)[0] == pytest.approx(
        kid["kernel_inception_distance_mean"], rel=1e-3
    )


def test_kernel_distance_is_unbiased_at_small_n() -> None:
    draws = np.array(
        [kernel_distance(cloud(25, 20, i), cloud(25, 20, 500 + i), [np.arange(25)])[0] for i in range(150)]
    )
    assert abs(draws.mean()) < 3 * draws.std() / np.sqrt(len(draws))
    assert draws.min() < 0


def test_singular_covariances_are_ten_times_as_fast_as_the_matrix_root() -> None:
    """Fewer samples than features, in CPU time of one thread, which a busy machine does not change."""
    x, y = cloud(512, 1024, 0).astype(float), cloud(512, 1024, 1).astype(float)
    with threadpool_limits(1):
        started = time.process_time()
        a, b = np.cov(x.T), np.cov(y.T)
        root = scipy.linalg.sqrtm(a @ b)
        slow = time.process_time() - started
        started = time.process_time()
        found = frechet(x, y, [np.arange(512)])[0]
        fast = time.process_time() - started
    apart = x.mean(axis=0) - y.mean(axis=0)
    assert found == pytest.approx(apart @ apart + np.trace(a + b - 2 * root).real, rel=1e-5)
    assert slow > 10 * fast
