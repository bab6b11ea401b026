"""Facts about the weights that are kept for validation: which, whole, and that training does not notice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gencompare.training.loop import train
from gencompare.training.validation import points

from .test_loop import SETTINGS, Exploding, same
from .toy import Toy, interrupted, toy_images

KEPT = replace(SETTINGS, validations=4, rows=20)


def run(folder, settings=KEPT, objective=Toy):
    return train(objective, toy_images(), settings, name="toy", seed=0, folder=folder)


def test_points_are_the_start_and_rows_spaced_by_the_logarithm_of_the_budget():
    ends = np.arange(10, 2010, 10)
    assert points(ends, 6) == {0, 70, 130, 250, 500, 1000, 2000}
    assert points(ends, 1) == {0, 2000}
    assert points(ends, 0) == set()
    assert points(np.array([7, 14]), 6) == {0, 7, 14}


def test_the_first_weights_are_untrained_and_the_last_those_of_the_end(tmp_path):
    trained = run(tmp_path)
    first, *between, last = (point.weights() for point in trained.points)
    assert same(last, trained.weights)
    assert not any(same(weights, other) for weights in (first, last) for other in between)
    never = run(tmp_path / "idle", replace(KEPT, lr=1e-30))
    assert same(never.points[0].weights(), first)


def test_points_tell_what_training_had_taken(tmp_path):
    trained = run(tmp_path)
    spent = [point.spent for point in trained.points]
    assert spent[0] == {"kimg": 0.0, "train_seconds": 0.0, "train_flops": 0.0}
    assert spent[-1] == {key: trained.cost[key] for key in ("kimg", "train_seconds", "train_flops")}
    assert all(
        after[key] > before[key] for before, after in zip(spent, spent[1:], strict=False) for key in after
    )


def test_training_is_the_same_with_and_without_keeping(tmp_path):
    plain, kept = (run(tmp_path / name, replace(SETTINGS, validations=n)) for name, n in (("a", 0), ("b", 4)))
    assert same(plain.weights, kept.weights)
    assert plain.history.equals(kept.history)
    assert plain.points == [] and list((tmp_path / "a").glob("point*")) == []


@pytest.mark.parametrize("stop_after", [0, 3, 9, 12])
def test_interrupted_training_keeps_the_same_weights(tmp_path, stop_after):
    whole = run(tmp_path / "whole")
    with interrupted(stop_after):
        run(tmp_path / "cut")
    resumed = run(tmp_path / "cut")
    assert [point.spent["kimg"] for point in resumed.points] == [
        point.spent["kimg"] for point in whole.points
    ]
    pairs = zip(whole.points, resumed.points, strict=True)
    assert all(same(one.weights(), other.weights()) for one, other in pairs)


def test_a_finished_training_still_has_them(tmp_path):
    first, again = run(tmp_path), run(tmp_path)
    assert first.points == again.points and first.points[2].weights()


def test_a_diverged_training_keeps_those_before(tmp_path):
    trained = run(tmp_path, replace(KEPT, rows=5, validations=5), Exploding)
    assert trained.status == "diverged"
    assert 0 < trained.points[-1].spent["kimg"] < trained.cost["kimg"]
    assert all(weight.isfinite().all() for weight in trained.points[-1].weights().values())
