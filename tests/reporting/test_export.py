"""Figures as PNG."""

import logging

import plotly.graph_objects as go

from gencompare.reporting.export import SCALE, WIDTH, figure_pngs

FIGURE = go.Figure(go.Scatter(y=[1, 3, 2]), layout={"height": 300})


def test_every_figure_becomes_a_png_of_its_size(chromium):
    drawn = figure_pngs({"one": FIGURE, "two": FIGURE})
    assert list(drawn) == ["one", "two"]
    assert drawn["two"].format == "PNG"
    assert drawn["two"].size == (WIDTH * SCALE, 300 * SCALE)


def test_without_a_browser_one_line_says_so(monkeypatch, caplog):
    monkeypatch.setenv("BROWSER_PATH", "/nowhere/chrome")
    with caplog.at_level(logging.INFO, logger="gencompare"):
        assert figure_pngs({"one": FIGURE}) == {}
    assert [record.message for record in caplog.records if record.name.startswith("gencompare")] == [
        "No Chrome or Chromium here: figures are saved as JSON, not as PNG."
    ]
