"""A small part of the endurance benchmark's mutated input: nothing is ignored, and nothing ends in a traceback."""

from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path

import pytest

FILE = Path(__file__).parents[1] / "benchmarks/endurance.py"


@pytest.fixture(scope="module")
def endurance():
    spec = importlib.util.spec_from_file_location("endurance", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("part", "count"), [("settings", 24), ("images", 60), ("samples", 40)])
def test_every_case_ends_well(endurance, part, count, tmp_path):
    """Of settings nine in ten mutations are refused, and of few perhaps all."""
    found = Counter(endurance.outcomes(part, count, tmp_path))
    assert set(found) <= endurance.PARTS[part][1], found
    assert found.total() == count
    assert len(found) == 2 or part == "settings"  # what is accepted and what is not


def test_long_parts_go_on_after_the_last_case(endurance, tmp_path, monkeypatch):
    done = []

    def case(rng, folder):
        done.append(rng.random())
        if len(done) == 2:
            raise ZeroDivisionError("the case's")
        return "the same bytes"

    monkeypatch.setitem(endurance.PARTS, "kills", (case, frozenset({"the same bytes"})))
    first = list(endurance.outcomes("kills", 3, tmp_path))
    assert first == ["the same bytes", "ZeroDivisionError: the case's", "the same bytes"]
    assert list(endurance.outcomes("kills", 4, tmp_path)) == [*first, "the same bytes"]
    assert len(set(done)) == len(done) == 4


def test_every_fault_has_tests(endurance):
    for tests in endurance.FAULTS.values():
        file, _, stem = tests.partition("::")
        assert f"def {stem}" in (FILE.parents[1] / "tests" / file).read_text()
