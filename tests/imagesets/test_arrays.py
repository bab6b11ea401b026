from __future__ import annotations

import numpy as np
import pytest

from gencompare.imagesets.arrays import Images, drawn, to_network, to_uint8


def test_every_level_survives_the_way_to_the_network_and_back():
    levels = np.arange(256, dtype=np.uint8).reshape(2, 8, 16, 1).repeat(3, axis=3)
    seen = to_network(levels)
    assert seen.shape == (2, 3, 8, 16)
    assert seen.min() == -1.0
    assert seen.max() == 1.0
    assert np.array_equal(to_uint8(seen), levels)


@pytest.mark.parametrize(
    ("images", "labels", "factors"),
    [
        (np.zeros((2, 8, 8, 3), np.float32), None, {}),
        (np.zeros((2, 3, 8, 8), np.uint8), None, {}),
        (np.zeros((2, 8, 8), np.uint8), None, {}),
        (np.zeros((2, 8, 8, 3), np.uint8), np.zeros(3, np.int64), {}),
        (np.zeros((2, 8, 8, 3), np.uint8), np.zeros(2, np.int32), {}),
        (np.zeros((2, 8, 8, 3), np.uint8), None, {"side": np.zeros(3)}),
    ],
)
def test_arrays_of_another_format_are_refused(images, labels, factors):
    with pytest.raises(ValueError, match=r"images must be|labels must be|rows for"):
        Images(images, labels, factors)


@pytest.mark.parametrize("labels", [np.repeat(np.arange(10), 1000), np.tile(np.arange(10), 1000)])
def test_few_are_drawn_of_every_class_whether_sorted_or_in_turn(labels):
    chosen = drawn(1000, len(labels))
    assert len(set(chosen.tolist())) == 1000 and (np.diff(chosen) > 0).all()
    assert np.bincount(labels[chosen], minlength=10).min() > 60
    assert np.array_equal(drawn(1000, len(labels)), chosen)


def test_all_are_drawn_where_there_are_no_more():
    assert drawn(5, 3).tolist() == drawn(3, 3).tolist() == [0, 1, 2]
    assert not len(drawn(5, 0))
