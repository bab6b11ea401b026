"""Votes become scores: known counts give known intervals, and votes by known strengths give the strengths back."""

from __future__ import annotations

import numpy as np
import pytest

from gencompare.explorer.votes import REAL, Votes, preferred, taken_for_real


def better(chosen, other):
    return {"kind": "better", "chosen": chosen, "other": other}


def real(chosen, other):
    return {"kind": "real", "chosen": chosen, "other": other}


def test_taken_for_real_has_wilsons_interval():
    votes = [real(REAL, "a")] * 10 + [real("b", REAL)] + [better("a", "b")]
    assert taken_for_real(votes, "a") == pytest.approx(
        {"k": 0, "n": 10, "value": 0, "low": 0, "high": 0.2775}, abs=1e-4
    )
    assert taken_for_real(votes, "b")["value"] == 1.0
    assert taken_for_real(votes, "c") is None


def drawn(strengths, n, rng):
    """n votes on random pairs by Bradley and Terry's model."""
    names = list(strengths)
    votes = []
    for _ in range(n):
        one, other = rng.choice(names, 2, replace=False)
        wins = rng.random() < 1 / (1 + np.exp(strengths[other] - strengths[one]))
        votes.append(better(one, other) if wins else better(other, one))
    return votes


def test_strengths_come_back_and_intervals_hold_them_as_often_as_they_say():
    strengths = {"a": 1.0, "b": 0.0, "c": -1.0}
    held = []
    for seed in range(30):
        found = preferred(drawn(strengths, 60, np.random.default_rng(seed)), list(strengths))
        held += [found[n]["low"] <= 1 / (1 + np.exp(-s)) <= found[n]["high"] for n, s in strengths.items()]
    assert 0.9 <= np.mean(held) <= 1.0
    many = preferred(drawn(strengths, 2000, np.random.default_rng(0)), list(strengths))
    assert [many[n]["value"] for n in "abc"] == pytest.approx([0.731, 0.5, 0.269], abs=0.04)
    assert many["a"]["high"] - many["a"]["low"] < 0.1


def test_who_was_not_voted_on_has_no_score():
    assert preferred([], ["a", "b"]) == {}
    found = preferred([better("a", "b")], ["a", "b", "c"])
    assert found.keys() == {"a", "b"}
    assert found["a"]["low"] < 0.5 < found["a"]["value"]  # one vote proves nothing


def test_votes_are_kept_and_those_on_earlier_weights_count_no_more(tmp_path):
    file = tmp_path / "votes" / "one" / "squares.jsonl"
    Votes(file).add("better", "a", "b", {"a": "v1", "b": "v1"})
    Votes(file).add("real", REAL, "a", {"a": "v2"})
    assert [vote["kind"] for vote in Votes(file).current({"a": "v1", "b": "v1"})] == ["better"]
    assert [vote["kind"] for vote in Votes(file).current({"a": "v2", "b": "v1"})] == ["real"]
    assert Votes(tmp_path / "none.jsonl").current({"a": "v1"}) == []
