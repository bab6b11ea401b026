"""Facts about validating while training: what it chooses, what it costs, and that training does not notice."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from gencompare.evaluation.health import judge
from gencompare.training.loop import train
from gencompare.training.progress import observing
from gencompare.training.validation import points, summary

from .test_loop import SETTINGS, Exploding, same
from .toy import Toy, toy_images

VALIDATED = replace(SETTINGS, validations=4, rows=20)


class Distances:
    """Gives out distances in turn, whatever the weights, and keeps the weights it saw."""

    def __init__(self, *values):
        self.values = list(values)
        self.seen = []

    def __call__(self, weights):
        self.seen.append(weights)
        return self.values[len(self.seen) - 1]


def size(weights):
    """A distance that depends on the weights, as a real one does."""
    return float(weights["first.4.weight"].square().sum())


def run(folder, validate=None, settings=VALIDATED, objective=Toy):
    return train(
        objective,
        toy_images(),
        settings,
        name="toy",
        seed=0,
        folder=folder,
        validate=validate,
    )


def test_points_are_evenly_spaced_rows_and_the_last_is_the_end():
    ends = np.arange(10, 210, 10)
    assert points(ends, 4) == {50, 100, 150, 200}
    assert points(ends, 1) == {200}
    assert points(ends, 3) == {70, 140, 200}
    assert points(ends, 0) == set()
    assert points(ends, 500) == set(ends.tolist())


@pytest.mark.parametrize(("values", "best"), [((4, 2, 3, 5), 1), ((1, 1, 2, 3), 0), ((4, 3, 2, 1), 3)])
def test_the_best_weights_are_those_of_the_least_distance(tmp_path, values, best):
    distances = Distances(*map(float, values))
    trained = run(tmp_path, distances)
    assert same(trained.best, distances.seen[best])
    assert same(trained.weights, distances.seen[-1])
    said = summary(trained.validations)
    assert (said["best_validation_fd"], said["last_validation_fd"]) == (min(values), values[-1])
    assert said["best_kimg"] == trained.validations[best]["kimg"]


def test_the_history_has_the_distances_in_their_rows_and_nothing_elsewhere(tmp_path):
    history = run(tmp_path, Distances(4.0, 2.0, 3.0, 5.0)).history
    measured = history.dropna(subset="validation_fd")
    assert list(measured["validation_fd"]) == [4, 2, 3, 5]
    assert list(measured["kimg"]) == [history["kimg"].iloc[row] for row in (4, 9, 14, 19)]
    assert measured["kimg"].iloc[-1] == 0.4


def test_training_is_the_same_with_and_without_validations(tmp_path):
    def greedy(_):
        return torch.rand(100).sum().item()  # draws from the generator that training draws from

    plain, validated = run(tmp_path / "a"), run(tmp_path / "b", greedy)
    assert same(plain.weights, validated.weights)
    assert plain.history.equals(validated.history.drop(columns="validation_fd"))
    assert plain.cost["train_flops"] == validated.cost["train_flops"]


def test_without_validations_the_best_are_the_last_and_no_distance_is_made_up(tmp_path):
    never = pytest.fail
    trained = run(tmp_path, never, SETTINGS)
    assert same(trained.best, trained.weights)
    assert trained.cost["validation_seconds"] == 0.0
    assert summary(trained.validations) == {} and "validation_fd" not in trained.history


def test_validation_seconds_are_not_training_seconds(tmp_path):
    def slow(_):
        time.sleep(0.5)
        return 1.0

    started = time.perf_counter()
    trained = run(tmp_path, slow)
    cost = trained.cost
    assert cost["validation_seconds"] >= 2.0
    assert cost["train_seconds"] + cost["validation_seconds"] <= time.perf_counter() - started
    spent = [point["train_seconds"] for point in trained.validations]
    assert spent == sorted(spent) and spent[-1] == cost["train_seconds"]
    assert trained.validations[-1]["train_flops"] == cost["train_flops"]


@pytest.mark.parametrize("stop_after", [3, 9, 12])  # before any, at the second, between two
def test_interrupted_training_keeps_the_same_best(tmp_path, stop_after):
    whole = run(tmp_path / "whole", size)
    rows = []

    def stop(_, row, kimg):
        rows.append(row)
        if len(rows) == stop_after + 1:
            raise KeyboardInterrupt

    with observing(stop), pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", size)
    resumed = run(tmp_path / "cut", size)
    assert same(whole.best, resumed.best)
    assert same(whole.weights, resumed.weights)
    assert whole.history.equals(resumed.history)
    assert summary(whole.validations)["best_kimg"] == summary(resumed.validations)["best_kimg"]


def test_a_finished_training_still_knows_its_best(tmp_path):
    first = run(tmp_path, size)
    again = run(tmp_path, pytest.fail)
    assert same(first.best, again.best)
    assert (first.cost, first.validations) == (again.cost, again.validations)


def test_a_diverged_training_keeps_its_best_and_is_judged_by_its_losses_alone(tmp_path):
    distances = Distances(1.0, 2.0)
    trained = run(tmp_path, distances, replace(VALIDATED, rows=5, validations=5), Exploding)
    assert trained.status == "diverged"
    assert same(trained.best, distances.seen[0])
    assert same(trained.weights, distances.seen[1])
    (evidence,) = judge(trained.history, trained.status).evidence
    assert "loss/first" in evidence and "validation" not in evidence
