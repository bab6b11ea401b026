"""Ranks count who is surely better."""

import pytest

from gencompare.evaluation.ranks import ranks, surely_better


@pytest.mark.parametrize("better", ["lower", "higher"])
def test_nothing_is_surely_better_than_itself_or_than_what_is_not_known(better):
    assert not surely_better((1.0, 2.0), (1.0, 2.0), better)
    assert not surely_better((1.0, 2.0), (None, None), better)
    assert not surely_better((1.0, 1.0), (1.0, 1.0), better)


def test_the_better_side_depends_on_which_way_is_better():
    intervals = {"low": (1.0, 2.0), "high": (3.0, 4.0), "wide": (0.0, 5.0)}
    assert ranks(intervals, "lower") == {"low": 1, "high": 2, "wide": 1}
    assert ranks(intervals, "higher") == {"low": 2, "high": 1, "wide": 1}
