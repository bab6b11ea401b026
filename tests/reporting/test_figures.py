"""Pictures made of images, and what figures draw."""

import json

import numpy as np
import pandas as pd
import pytest

from gencompare.reporting.figures import (
    health_curves,
    image_grid,
    loss_curves,
    quality_against_compute,
    score_bars,
    strips,
)
from gencompare.reporting.palette import looks

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)


def test_every_image_is_in_the_grid_at_its_place():
    grid = np.asarray(image_grid(IMAGES, columns=3, scale=2, gap=1))
    assert grid.shape == (2 * (4 + 1 + 4), 2 * (6 + 1 + 6 + 1 + 6), 4)
    last = grid[2 * 5 :, 2 * 7 : 2 * 13]
    assert (last[::2, ::2, :3] == IMAGES[4]).all() and (last[1::2, 1::2, :3] == IMAGES[4]).all()
    assert (last[..., 3] == 255).all()


def test_what_is_no_image_is_clear():
    grid = np.asarray(image_grid(IMAGES, columns=3, scale=1))
    assert (grid[:, 6, 3] == 0).all() and (grid[5:, 14:, 3] == 0).all()


def test_grey_images_are_grey():
    grey = IMAGES[..., :1]
    grid = np.asarray(image_grid(grey[:1], scale=1))
    assert (grid[..., 0] == grey[0, ..., 0]).all() and (grid[..., 0] == grid[..., 2]).all()


def test_frames_of_a_strip_touch_in_order():
    film = RNG.integers(0, 256, (2, 3, 4, 4, 1), dtype=np.uint8)
    sheet = np.asarray(strips(film, scale=1, gap=2))
    assert sheet.shape == (4 + 2 + 4, 12, 4)
    assert (sheet[6:, 4:8, 0] == film[1, 1, ..., 0]).all()


@pytest.mark.parametrize("bad", [IMAGES.astype(float), IMAGES[..., :2], IMAGES[:0], IMAGES[0]])
def test_what_is_not_images_is_refused(bad):
    with pytest.raises(ValueError, match="uint8"):
        image_grid(bad)


def test_strips_refuses_a_grid():
    with pytest.raises(ValueError, match="rows, frames"):
        strips(IMAGES)


def test_contenders_look_different_from_each_other_and_the_same_everywhere():
    many = looks(str(i) for i in range(280))
    assert len(set(many.values())) == 280
    assert many["3"] == looks(["0", "1", "2", "3"])["3"]


HISTORY = pd.DataFrame(
    {"kimg": [1.0, 2.0], "loss/g": [1.0, float("nan")], "loss/d": [2.0, 1.0], "grad_norm/g": [1.0, 100.0]}
)


def test_loss_curves_draw_every_network_of_every_contender():
    figure = loss_curves({"gan": HISTORY, "vae": HISTORY[["kimg", "loss/g"]]})
    assert [trace.name for trace in figure.data] == ["g", "d", "g"]
    assert {trace.line.color for trace in figure.data[:2]} == {looks(["gan"])["gan"].colour}
    assert figure.data[0].y == (1.0, None)


def test_figures_are_plain_json():
    text = loss_curves({"gan": HISTORY}).to_json()
    assert "NaN" not in text and "bdata" not in text
    json.loads(text)


def test_a_wide_span_is_drawn_logarithmic_with_words_for_ticks():
    assert health_curves({"gan": HISTORY}).layout.yaxis.type == "log"
    assert loss_curves({"gan": HISTORY}).layout.yaxis.type == "linear"


POINTS = pd.DataFrame(
    {
        "contender": ["a", "b", "a"],
        "kind": ["contender", "failed", "contender"],
        "value": [2.0, 9.0, 4.0],
        "low": [1.5, 8.0, 3.0],
        "high": [2.25, None, 6.0],
        "train_seconds": [100.0, 50.0, 10.0],
    }
)


def test_points_of_one_contender_make_a_line_in_order_of_cost():
    a, b = quality_against_compute(POINTS, "fd").data
    assert a.x == (10.0, 100.0) and a.y == (4.0, 2.0) and "lines" in a.mode
    assert a.error_y.array == (2.0, 0.25) and a.error_y.arrayminus == (1.0, 0.5)
    assert "lines" not in b.mode


def test_where_no_interval_is_known_none_is_drawn():
    known, unknown = (
        quality_against_compute(points, "fd").data[0]
        for points in (POINTS, POINTS.assign(low=None, high=None))
    )
    assert known.error_y.visible and not unknown.error_y.visible


def test_costs_are_labelled_in_words_on_every_scale():
    wide = quality_against_compute(POINTS, "fd").layout.xaxis
    assert wide.type == "log" and list(wide.ticktext) == ["10 s", "20 s", "1 min", "2 min"]
    narrow = quality_against_compute(POINTS.iloc[:2], "fd").layout.xaxis
    assert list(narrow.ticktext) == ["50 s", "1 min 40 s"]


def test_a_failed_contender_is_drawn_hollow_and_said_to_have_failed():
    b = quality_against_compute(POINTS, "fd").data[1]
    assert b.marker.symbol.endswith("-open") and b.name == "b (failed)"
    assert b.error_y.array == (0.0,)


def test_bars_stand_in_the_order_of_the_table():
    bars = score_bars(POINTS.iloc[:2], "fd", looks(["a"]))
    assert [trace.y[0] for trace in bars.data] == ["b (failed)", "a"]
    assert bars.data[1].marker.color == looks(["a"])["a"].colour


def test_nothing_to_draw_is_an_empty_figure():
    assert not loss_curves({}).data
    assert not quality_against_compute(POINTS.iloc[:0], "fd").data
    assert not score_bars(POINTS.iloc[:0], "fd").data
