from __future__ import annotations

import hashlib
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gencompare.config.typed import SettingError
from gencompare.imagesets.squares import Squares, _cos_sin


def all_bytes(squares: Squares, split: str, count: int, size: int) -> bytes:
    return b"".join(chunk.images.tobytes() for chunk in squares.chunks(split, count, size))


def test_a_seed_gives_the_same_bytes_on_every_machine():
    digest = hashlib.sha256(all_bytes(Squares(), "train", 500, 128)).hexdigest()
    assert digest == "228dbae40cb61440f12bc2d5acd681ea6b70806282b6d12e87d632e9d045e433"
    digest = hashlib.sha256(all_bytes(Squares(resolution=64, seed=7), "heldout", 500, 128)).hexdigest()
    assert digest == "ca2710a9df7810d3fdfe0ba59c64eb7e0912aebaee89935e45023742ea709da2"


@hypothesis_settings(max_examples=20, deadline=None)
@given(size=st.integers(1, 400), count=st.integers(1, 300), seed=st.integers(0, 2**63 - 1))
def test_bytes_and_factors_do_not_depend_on_the_chunk_size(size, count, seed):
    squares = Squares(seed=seed, resolution=16)
    whole = squares.draw("train", 0, count)
    chunks = list(squares.chunks("train", count, size))
    assert np.array_equal(np.concatenate([chunk.images for chunk in chunks]), whole.images)
    for name, values in whole.factors.items():
        assert np.array_equal(np.concatenate([chunk.factors[name] for chunk in chunks]), values)


def test_fewer_squares_are_the_first_of_more():
    assert all_bytes(Squares(count=80_000), "train", 100, 64) == all_bytes(
        Squares(count=100), "train", 100, 64
    )


def test_splits_and_seeds_differ():
    drawn = [
        Squares().draw("train", 0, 50),
        Squares().draw("heldout", 0, 50),
        Squares(seed=1).draw("train", 0, 50),
    ]
    colours = np.concatenate([images.factors["side"] for images in drawn])
    assert len(np.unique(colours)) == 150


@pytest.mark.parametrize("resolution", [16, 33, 64])
def test_each_square_covers_side_squared_pixels_around_its_centre(resolution):
    squares = Squares(resolution=resolution, colour=(1.0, 1.0)).draw("train", 0, 300)
    covered = squares.images[..., 0] / 255.0
    rounding = 4 * squares.factors["side"].max() * 2 * (0.5 / 255)
    assert np.abs(covered.sum((1, 2)) - squares.factors["side"] ** 2).max() < rounding
    place = np.arange(resolution) + 0.5
    x = (covered.sum(1) * place).sum(1) / covered.sum((1, 2))
    y = (covered.sum(2) * place).sum(1) / covered.sum((1, 2))
    assert np.abs(np.stack([x, y], axis=1) - squares.factors["centre"]).max() < 0.02


def test_every_pixel_is_the_share_that_its_factors_cover():
    images = Squares(resolution=24).draw("train", 0, 40)
    fine = (np.arange(24 * 32) + 0.5) / 32
    for k in range(len(images)):
        x, y = fine - images.factors["centre"][k, 0], fine[:, None] - images.factors["centre"][k, 1]
        cos, sin = np.cos(images.factors["angle"][k]), np.sin(images.factors["angle"][k])
        half = images.factors["side"][k] / 2
        inside = (np.abs(x * cos + y * sin) <= half) & (np.abs(y * cos - x * sin) <= half)
        share = inside.reshape(24, 32, 24, 32).mean((1, 3))
        expected = share[:, :, None] * images.factors["colour"][k] * 255
        assert np.abs(images.images[k] - expected).max() < 255 * 0.03


def test_an_upright_square_has_the_edge_pixels_of_the_closed_form():
    drawn = Squares(resolution=10, side=(0.45, 0.45), angle=(0, 0), spread=0, colour=(1, 1)).draw(
        "train", 0, 1
    )
    row = drawn.images[0, 5, :, 0]
    assert row.tolist() == [0, 0, 64, 255, 255, 255, 255, 64, 0, 0]
    assert drawn.images[0, 2, 2, 0] == round(255 * 0.25**2)


def test_factors_fill_the_ranges_of_the_card():
    squares = Squares(count=4000, resolution=48)
    generator = squares.prepare().card["generator"]
    factors = squares.draw("train", 0, 4000).factors
    for name in ("colour", "side", "angle"):
        low, high = generator[name]
        values = factors[name].ravel()
        assert low - 0.003 <= values.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < values.max() <= high + 0.003
        assert values.mean() == pytest.approx((low + high) / 2, abs=5 * (high - low) / np.sqrt(12 * 4000))
    assert factors["angle"].max() < np.pi / 2
    extent = factors["side"] / 2 * (np.cos(factors["angle"]) + np.sin(factors["angle"]))
    room = 24 - extent
    offset = np.abs(factors["centre"] - 24)
    assert (offset <= room[:, None] + 1e-4).all()
    assert (offset / room[:, None]).mean() == pytest.approx(0.5, abs=0.02)


def test_cos_and_sin_are_right_to_the_last_digits():
    angle = np.linspace(0, np.pi / 2, 1000)
    cos, sin = _cos_sin(angle)
    assert np.abs(cos - np.cos(angle)).max() < 1e-14
    assert np.abs(sin - np.sin(angle)).max() < 1e-14


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"side": (0.5, 0.8)}, "side"),
        ({"side": (0.5, 0.2)}, "side"),
        ({"side": (0.0, 0.0)}, "side"),
        ({"colour": (-0.1, 1.0)}, "colour"),
        ({"angle": (0.0, 91.0)}, "angle"),
    ],
)
def test_ranges_that_cannot_be_drawn_from_are_refused_by_name(values, named):
    with pytest.raises(SettingError, match=f"image_set.*{named}"):
        Squares(**values).check()


@pytest.mark.alone
def test_squares_are_drawn_quickly_in_constant_memory():
    squares = Squares(resolution=64)
    list(squares.chunks("train", 512))
    start = time.perf_counter()
    for _ in squares.chunks("train", 6_000):
        pass
    assert 6_000 / (time.perf_counter() - start) > 2_000

    peaks = []
    for count in (3_000, 12_000):
        tracemalloc.start()
        for _ in squares.chunks("train", count):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]
    assert peaks[1] < 150e6
