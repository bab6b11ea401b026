"""What figures draw."""

import json

import pandas as pd

from gencompare.reporting.curves import over_seeds
from gencompare.reporting.figures import curves, on_front, pareto, quality_curves, score_bars
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
        "contender": ["a", "b", "vae"],
        "kind": ["contender", "failed", "contender"],
        "value": [2.0, 9.0, 4.0],
        "low": [1.5, 8.0, 3.0],
        "high": [2.25, None, 6.0],
        "train_seconds": [100.0, 50.0, 10.0],
        "seconds_per_image": [0.001, 0.05, 0.002],
    }
)


FRONT = ["contender", "value", "low", "high", "train_seconds", "seconds_per_image"]


def front(*rows):
    known = [(name, value, value, value, *times) for name, value, *times in rows]
    return on_front(pd.DataFrame(known, columns=FRONT), "lower")


def test_on_the_front_is_who_nobody_beats_in_all_three():
    assert front(("good", 1.0, 100.0, 0.1), ("quick", 5.0, 10.0, 0.1), ("beaten", 5.0, 10.0, 0.2)) == [
        "good",
        "quick",
    ]
    assert front(("good", 1.0, 100.0, 0.1), ("by chance", 5.0, 99.0, 0.09)) == ["good"]
    assert front(("twin", 1.0, 1.0, 1.0), ("other", 1.0, 1.0, 1.0)) == ["twin", "other"]
    higher = pd.DataFrame(
        [("low", 0.1, 0.0, 0.2, 1.0, 1.0), ("high", 0.9, 0.8, 1.0, 1.0, 1.0)], columns=FRONT
    )
    assert on_front(higher, "higher") == ["high"]


def test_who_is_level_with_somebody_as_cheap_stands_beside_it_and_who_is_dearer_does_not():
    level = [
        ("a", 1.0, 0.8, 1.2, 1.0, 1.0),
        ("b", 1.1, 0.9, 1.3, 1.0, 1.0),
        ("dear", 0.9, 0.7, 1.1, 2.0, 1.0),
    ]
    assert on_front(pd.DataFrame(level, columns=FRONT), "lower") == ["a", "b"]


def test_marks_grow_with_training_and_those_on_the_front_are_bold():
    a, b, vae = pareto(POINTS, "fd", "lower", LOOKS).data
    assert a.marker.size > b.marker.size > vae.marker.size
    assert a.name == "<b>a</b>" and not b.name.startswith("<b>")
    assert a.error_y.array == (0.25,) and a.error_y.arrayminus == (0.5,)


def test_where_no_interval_is_known_none_is_drawn():
    known, unknown = (
        pareto(points, "fd", "lower", LOOKS).data[0]
        for points in (POINTS, POINTS.assign(low=None, high=None))
    )
    assert known.error_y.visible and not unknown.error_y.visible


def test_a_failed_contender_is_drawn_hollow_and_said_to_have_failed():
    b = pareto(POINTS, "fd", "lower", LOOKS).data[1]
    assert b.marker.symbol.endswith("-open") and b.name == "b (failed)"


CURVE = over_seeds(
    [
        {
            "points": [
                {
                    "value": v,
                    "standard_error": 0.01,
                    "kimg": s / 10,
                    "train_seconds": s,
                    "train_flops": s * 1e12,
                }
                for v, s in ((1.0, 0.0), (0.2, 10.0), (-0.001, 100.0))
            ],
            "real_images": 0.001,
            "noise": 2.0,
            "passport": {},
        }
    ]
)


def test_curves_have_bands_and_every_axis_and_the_untrained_left_of_all():
    figure = quality_curves({"a": CURVE}, LOOKS)
    band, line = figure.data
    assert line.x == (5.0, 10.0, 100.0) and line.meta["x"]["kimg"] == [0.5, 1.0, 10.0]
    assert len(band.x) == 6 and band.fillcolor.endswith("0.15)")
    assert set(figure.layout.meta["axes"]) == {"train_seconds", "train_flops", "kimg"}
    assert list(figure.layout.xaxis.ticktext)[:2] == ["5 s", "10 s"]


def test_what_no_logarithm_shows_is_drawn_at_the_least_and_said_as_it_is():
    line = quality_curves({"a": CURVE}, LOOKS).data[1]
    assert min(line.y) == 2.0 / 500 and line.text[2].startswith("−0.001 after 1 min 40 s")


def test_bars_stand_in_the_order_of_the_table():
    bars = score_bars(POINTS.iloc[:2], "fd", looks(["a"]))
    assert [trace.y[0] for trace in bars.data] == ["b (failed)", "a"]
    assert bars.data[1].marker.color == looks(["a"])["a"].colour


def test_nothing_to_draw_is_an_empty_figure():
    assert not losses({}).data
    assert not pareto(POINTS.iloc[:0], "fd", "lower", LOOKS).data
    assert not quality_curves({}, LOOKS).data
    assert not score_bars(POINTS.iloc[:0], "fd", LOOKS).data
