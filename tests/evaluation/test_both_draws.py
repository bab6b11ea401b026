"""Intervals of kernel distances are over both draws: that of the samples and that of the real images."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from gencompare.evaluation.distances import kernel_distance
from gencompare.evaluation.measurements import _distances
from gencompare.evaluation.resampling import NORMAL_95, over_seeds
from gencompare.evaluation.settings import EvaluationSettings

from .clouds import cloud

D = 40


def varied(n: int, seed: int) -> np.ndarray:
    return cloud(n, D, seed, shift=0.6)


def collapsed(n: int, seed: int) -> np.ndarray:
    """Samples that are nearly all the same."""
    return cloud(1, D, 7) + 0.01 * cloud(n, D, seed)


def told(samples: np.ndarray, real: np.ndarray) -> dict[str, float]:
    """What the project says of them, by features that are at hand."""
    bench = SimpleNamespace(
        settings=EvaluationSettings(),
        drawn=lambda split: real,
        features=lambda images, extractor: images,
        passport=lambda *_: {},
    )
    extractor = SimpleNamespace(name="x", passport=dict)
    scores = _distances(samples, bench, extractor).scores(bench)
    return next(one for one in scores.values() if one["kind"] == "kid")


@pytest.mark.parametrize("n", [29, 300])
@pytest.mark.parametrize("make", [varied, collapsed])
def test_the_stated_error_is_that_seen_where_samples_and_real_images_are_drawn_anew(make, n: int) -> None:
    draws, tries = (400, 60) if n < 100 else (80, 8)
    seen = np.std(
        [kernel_distance(make(n, i), cloud(n, D, 5000 + i), [np.arange(n)])[0] for i in range(draws)], ddof=1
    )
    stated = np.mean([told(make(n, i), cloud(n, D, 5000 + i))["standard_error"] for i in range(tries)])
    assert 0.75 * seen < stated < 1.7 * seen


def test_what_all_seeds_have_in_common_does_not_shrink_with_their_number() -> None:
    values, errors = np.full(4, 2.0), np.full(4, 0.5)
    _, half, error = over_seeds(values, errors, np.full(4, 0.4))
    assert error == pytest.approx(np.hypot(0.3 / 2, 0.4))
    assert half == pytest.approx(NORMAL_95 * error)
    scattered = np.array([1.0, 2.0, 3.0])
    _, half, error = over_seeds(scattered, np.full(3, 0.5), np.full(3, 0.4))
    assert half == pytest.approx(np.hypot(4.302653 / 3**0.5, NORMAL_95 * 0.4))
    assert over_seeds(values[:1], errors[:1], np.full(1, 0.4))[2] == pytest.approx(0.5)


def test_seeds_held_against_the_same_real_images_have_an_interval_over_other_ones() -> None:
    """At n = 29, of three seeds each time: the mean's stated error is that seen over new draws of everything."""
    means, stated = [], []
    for draw in range(40):
        real = cloud(29, D, 9000 + draw)
        found = [told(collapsed(29, 3 * draw + seed), real) for seed in range(3)]
        values, errors, common = (
            np.array([one[key] for one in found]) for key in ("value", "standard_error", "common_error")
        )
        mean, _, error = over_seeds(values, errors, common)
        means.append(mean)
        stated.append(error)
    assert 0.7 * np.std(means, ddof=1) < np.mean(stated) < 1.7 * np.std(means, ddof=1)
