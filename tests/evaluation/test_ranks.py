"""Ranks count who is surely better."""

import pytest

from gencompare.evaluation.ranks import agreement, ranks, surely_better


@pytest.mark.parametrize("better", ["lower", "higher"])
def test_nothing_is_surely_better_than_itself_or_than_what_is_not_known(better):
    assert not surely_better((1.0, 2.0), (1.0, 2.0), better)
    assert not surely_better((1.0, 2.0), (None, None), better)
    assert not surely_better((1.0, 1.0), (1.0, 1.0), better)


def test_the_better_side_depends_on_which_way_is_better():
    intervals = {"low": (1.0, 2.0), "high": (3.0, 4.0), "wide": (0.0, 5.0)}
    assert ranks(intervals, "lower") == {"low": 1, "high": 2, "wide": 1}
    assert ranks(intervals, "higher") == {"low": 2, "high": 1, "wide": 1}


def test_two_orders_are_held_against_each_other_pair_by_pair():
    first = {"a": (1.0, 2.0), "b": (3.0, 4.0), "c": (5.0, 6.0), "d": (5.5, 7.0), "alone": (0.0, 0.1)}
    second = {"a": (0.1, 0.2), "b": (0.5, 0.6), "c": (0.3, 0.4), "d": (0.55, 0.7)}
    # a before b, c and d by both; b and c turned round; b and d decided by one, c and d by the other.
    assert agreement(first, second, "lower") == (3, [("b", "c")], 2)
    assert agreement(second, first, "lower") == (3, [("c", "b")], 2)
    assert agreement(first, {}, "lower") == (0, [], 0)


def test_where_higher_is_better_the_pairs_are_named_that_way():
    assert agreement({"a": (1, 2), "b": (3, 4)}, {"a": (9, 10), "b": (7, 8)}, "higher").opposite == [
        ("b", "a")
    ]
