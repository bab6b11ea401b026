from __future__ import annotations

import time

import joblib
import pytest

from gencompare.imagesets.chunks import in_order, pieces, spans


def test_spans_cover_a_range_once():
    assert spans(7, 3) == [(0, 3), (3, 6), (6, 7)]
    assert spans(0, 3) == []
    assert pieces("abcde", 2) == ["ab", "cd", "e"]


def test_results_keep_the_order_of_the_items():
    def slow_first(item: int) -> int:
        time.sleep(0.02 if item == 0 else 0)
        return item * item

    assert list(in_order(slow_first, range(20))) == [n * n for n in range(20)]


def test_a_slow_taker_is_not_run_away_from():
    taken = []
    results = in_order(lambda item: item, (taken.append(item) or item for item in range(10_000)))
    next(results)
    assert len(taken) == 3 * joblib.cpu_count() + 1
    results.close()


def test_an_error_reaches_the_taker():
    def work(item: int) -> int:
        if item == 5:
            raise RuntimeError("five")
        return item

    with pytest.raises(RuntimeError, match="five"):
        list(in_order(work, range(100)))
