"""What figures draw."""

import json

import pandas as pd

from gencompare.reporting.figures import curves, quality_against_cost, score_bars
from gencompare.reporting.palette import looks


def test_contenders_look_different_from_each_other_and_the_same_everywhere():
    many = looks(str(i) for i in range(280))
    assert len(set(many.values())) == 280
    assert many["3"] == looks(["0", "1", "2", "3"])["3"]


LOOKS = looks(["gan", "vae", "a", "b"])


def losses(histories):
    return curves(histories, "loss/", "loss", LOOKS)


HISTORY = pd.DataFrame(
    {"kimg": [1.0, 2.0], "loss/g": [1.0, float("nan")], "loss/d": [2.0, 1.0], "grad_norm/g": [1.0, 100.0]}
)


def test_loss_curves_draw_every_network_of_every_contender():
    figure = losses({"gan": HISTORY, "vae": HISTORY[["kimg", "loss/g"]]})
    assert [trace.name for trace in figure.data] == ["g", "d", "g"]
    assert {trace.line.color for trace in figure.data[:2]} == {LOOKS["gan"].colour}
    assert figure.data[0].y == (1.0, None)


def test_figures_are_plain_json():
    text = losses({"gan": HISTORY}).to_json()
    assert "NaN" not in text and "bdata" not in text
    json.loads(text)


def test_a_wide_span_is_drawn_logarithmic_with_words_for_ticks():
    assert curves({"gan": HISTORY}, "grad_norm/", "gradient norm", LOOKS).layout.yaxis.type == "log"
    assert losses({"gan": HISTORY}).layout.yaxis.type == "linear"


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
    a, b = quality_against_cost(POINTS, "fd", "train_seconds", LOOKS).data
    assert a.x == (10.0, 100.0) and a.y == (4.0, 2.0) and "lines" in a.mode
    assert a.error_y.array == (2.0, 0.25) and a.error_y.arrayminus == (1.0, 0.5)
    assert "lines" not in b.mode


def test_where_no_interval_is_known_none_is_drawn():
    known, unknown = (
        quality_against_cost(points, "fd", "train_seconds", LOOKS).data[0]
        for points in (POINTS, POINTS.assign(low=None, high=None))
    )
    assert known.error_y.visible and not unknown.error_y.visible


def test_costs_are_labelled_in_words_on_every_scale():
    wide = quality_against_cost(POINTS, "fd", "train_seconds", LOOKS).layout.xaxis
    assert wide.type == "log" and list(wide.ticktext) == ["10 s", "20 s", "1 min", "2 min"]
    narrow = quality_against_cost(POINTS.iloc[:2], "fd", "train_seconds", LOOKS).layout.xaxis
    assert list(narrow.ticktext) == ["50 s", "1 min 40 s"]


def test_a_failed_contender_is_drawn_hollow_and_said_to_have_failed():
    b = quality_against_cost(POINTS, "fd", "train_seconds", LOOKS).data[1]
    assert b.marker.symbol.endswith("-open") and b.name == "b (failed)"
    assert b.error_y.array == (0.0,)


def test_bars_stand_in_the_order_of_the_table():
    bars = score_bars(POINTS.iloc[:2], "fd", looks(["a"]))
    assert [trace.y[0] for trace in bars.data] == ["b (failed)", "a"]
    assert bars.data[1].marker.color == looks(["a"])["a"].colour


def test_nothing_to_draw_is_an_empty_figure():
    assert not losses({}).data
    assert not quality_against_cost(POINTS.iloc[:0], "fd", "train_seconds", LOOKS).data
    assert not score_bars(POINTS.iloc[:0], "fd", LOOKS).data
