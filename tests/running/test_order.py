"""Longest first, and nobody starves."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from gencompare.running.engine import SECONDS_TO_GIVE_WAY, Engine, environments
from gencompare.running.order import longest_first

from ..conftest import until


def test_the_longest_training_is_first_and_the_reference_comes_once_all_workers_train():
    order = longest_first({"short": 10.0, "long": 100.0, "middle": 50.0}, ["reference"], workers=2)
    assert sorted(order.priorities, key=lambda label: -order.priorities[label]) == [
        "long",
        "middle",
        "reference",
        "short",
    ]
    assert order.after["reference"] == ["long", "middle"]


def test_samples_of_what_is_trained_go_before_trainings_that_have_not_begun():
    order = longest_first({"short": 10.0, "long": 100.0}, ["reference"], workers=2)
    assert order.priorities.get("sample", 0) > max(order.priorities.values())
    assert order.after.get("sample", ()) == ()


def test_trainings_of_equal_length_do_not_wait_for_each_other():
    order = longest_first({"a": 60.0, "b": 60.0, "c": 90.0}, (), workers=2)
    assert order.after == {"a": ["c"], "b": ["c"], "c": []}


@pytest.fixture
def engine(request):
    made = Engine(request.param, environments(trainings=1))
    yield made
    made.close()


ORDER = longest_first({"long": 100.0, "middle": 50.0, "short": 10.0}, ["reference"], workers=1)


@pytest.mark.parametrize("engine", [ORDER], indirect=True)
def test_the_engine_begins_the_longest_first_whichever_comes_first(engine, errands, tmp_path):
    notes, go = tmp_path / "notes", tmp_path / "go"
    labels = ("reference", "short", "middle", "long", "sample")
    with ThreadPoolExecutor(len(labels)) as pool:
        for label in labels:
            pool.submit(engine.call, label, errands.note, label, notes, go)
            until(lambda label=label: label in engine._begun | {one.label for one in engine._waiting})
        go.touch()
    assert notes.read_text().split() == ["long", "sample", "reference", "middle", "short"]


@pytest.mark.parametrize("engine", [ORDER], indirect=True)
@pytest.mark.alone
def test_work_does_not_wait_for_ever_for_what_never_comes(engine):
    started = time.monotonic()
    engine.call("short", time.sleep, 0.0)
    assert SECONDS_TO_GIVE_WAY <= time.monotonic() - started < 10 * SECONDS_TO_GIVE_WAY
