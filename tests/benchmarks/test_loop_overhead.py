"""Facts about the loop written by hand that the training loop is timed against."""

from __future__ import annotations

import numpy as np
import pytest

from gencompare.imagesets.squares import Squares


@pytest.mark.parametrize("name", ["lsgan", "wgan_gp", "progressive_gan", "vae", "ddpm", "r3gan"])
def test_both_loops_end_with_the_same_bytes(benchmark_script, name):
    overhead = benchmark_script("loop_overhead")
    images = Squares(count=64).draw("train", 0, 64)
    turns, same = overhead.measure(name, images, rows=2, most_steps=2)
    assert same
    assert turns.steps_a_row == 2
    assert len(turns.ours) == len(turns.other) == 2
    assert (turns.ours > 0).all()


def test_another_loop_would_be_told(benchmark_script, monkeypatch):
    overhead, by_hand = benchmark_script("loop_overhead"), benchmark_script("by_hand")
    monkeypatch.setattr(by_hand.ByHand, "run", lambda self, begin, end: None)
    _, same = overhead.measure("dcgan", Squares(count=64).draw("train", 0, 64), rows=1, most_steps=1)
    assert not same


def test_over_is_the_median_of_what_ours_takes_more(benchmark_script):
    turns = benchmark_script("turns")
    found = turns.Turns(np.array([1.1, 2.0, 1.2]), np.array([1.0, 1.0, 1.0]), 1, None)
    assert found.over[0] == pytest.approx(0.2)
