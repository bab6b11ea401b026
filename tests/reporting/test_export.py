"""Figures as PNG."""

import logging
import os
import signal
import subprocess
import sys
import time

import plotly.graph_objects as go
import psutil

from gencompare.reporting.export import SCALE, WIDTH, figure_pngs

FIGURE = go.Figure(go.Scatter(y=[1, 3, 2]), layout={"height": 300})


def said(caplog):
    return [record.message for record in caplog.records if record.name.startswith("gencompare")]


def test_every_figure_becomes_a_png_of_its_size(chromium):
    drawn = figure_pngs({"one": FIGURE, "two": FIGURE})
    assert list(drawn) == ["one", "two"]
    assert drawn["two"].format == "PNG"
    assert drawn["two"].size == (WIDTH * SCALE, 300 * SCALE)


def test_without_a_browser_one_line_says_so(monkeypatch, caplog):
    monkeypatch.setenv("BROWSER_PATH", "/nowhere/chrome")
    with caplog.at_level(logging.INFO, logger="gencompare"):
        assert figure_pngs({"one": FIGURE}) == {}
    assert said(caplog) == ["No Chrome or Chromium here: figures are saved as JSON, not as PNG."]


def test_a_browser_that_is_killed_on_the_way_costs_the_pictures_alone(chromium, monkeypatch, caplog):
    from kaleido import Kaleido

    draw = Kaleido.calc_fig

    async def killed(self, *args, **kwargs):
        os.killpg(self.subprocess.pid, signal.SIGKILL)
        return await draw(self, *args, **kwargs)

    monkeypatch.setattr(Kaleido, "calc_fig", killed)
    assert figure_pngs({"one": FIGURE}) == {}
    assert said(caplog) == [
        "Chrome did not draw the figures (it ended early): they are saved as JSON, not as PNG."
    ]


HANGING = """
import logging
import plotly.graph_objects as go
from gencompare.reporting import export

logging.basicConfig()
export.SECONDS_TO_GIVE_UP = 1
assert export.figure_pngs({"one": go.Figure()}) == {}
"""


def test_a_browser_that_hangs_does_not_keep_the_run_from_ending(tmp_path):
    (browser := tmp_path / "chrome").write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 600\n")
    browser.chmod(0o755)
    ended = subprocess.run(
        [sys.executable, "-c", HANGING],
        check=False,
        env=os.environ | {"BROWSER_PATH": str(browser)},
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    assert "no answer in 1 s" in ended.stderr
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(pid)


def _runs(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
