import numpy as np
import pytest

from gencompare.evaluation.distances import frechet, kernel_distance
from gencompare.evaluation.fidelity import fidelity_and_diversity
from gencompare.evaluation.resampling import Subsets, deviation, mean, rare_interval, subsets

from .clouds import cloud


def test_all_samples_come_first_then_random_halves() -> None:
    over = subsets(11, 3, seed=0)
    assert over[0].tolist() == list(range(11))
    assert [len(set(half)) for half in over[1:]] == [5, 5, 5]
    assert len({tuple(half) for half in over[1:]}) == 3


def test_the_mean_gets_its_textbook_standard_error() -> None:
    values = np.random.default_rng(0).normal(size=400)
    error = deviation(mean(values, subsets(400, 2000, seed=1)))
    assert error == pytest.approx(values.std(ddof=1) / 20, rel=0.06)


def test_without_halves_there_is_no_doubt() -> None:
    assert deviation(np.array([3.0])) == 0.0


def everything(samples: np.ndarray, reference: np.ndarray, over: Subsets) -> dict[str, np.ndarray]:
    shares = fidelity_and_diversity(samples, reference, 5, over)
    return {
        "fd": frechet(samples, reference, over),
        "kid": kernel_distance(samples, reference, over),
        **shares,
    }


@pytest.mark.parametrize("d", [40, 300])
def test_standard_errors_are_those_seen_between_draws_or_err_on_the_wide_side(d: int) -> None:
    """For n above and below the number of features, over 60 draws of 200 samples against one reference."""
    n, reference = 200, cloud(200, d, 1000)
    drawn = [everything(cloud(n, d, i, 0.1), reference, [np.arange(n)]) for i in range(60)]
    told = [everything(cloud(n, d, i, 0.1), reference, subsets(n, 40, seed=i)) for i in range(8)]
    for name in drawn[0]:
        seen = np.std([draw[name][0] for draw in drawn], ddof=1)
        stated = np.mean([deviation(one[name]) for one in told])
        widest = 2.4 if name == "coverage" else 1.7
        assert 0.7 * seen < stated < widest * seen, name


def test_a_share_near_its_ends_has_wilsons_interval() -> None:
    z2 = 1.959963984540054**2
    assert rare_interval(0.0, 1000) == pytest.approx((0.0, z2 / (1000 + z2)), abs=1e-12)
    assert rare_interval(1.0, 1000) == pytest.approx((1000 / (1000 + z2), 1.0), abs=1e-12)
    low, high = rare_interval(0.005, 1000) or (1.0, 0.0)
    assert low < 0.005 < high
    assert rare_interval(0.01, 1000) is None
