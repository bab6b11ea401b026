"""The live display as a terminal shows it, and plain lines where there is none."""

from __future__ import annotations

import logging
import os
import pty
import select
import subprocess
import sys
import time

import pyte
import pytest

from gencompare.running import display

SCRIPT = """
import logging, signal, sys, time
from gencompare.running.display import Display
logging.basicConfig(level="INFO", format="%(message)s")
signal.signal(signal.SIGINT, signal.default_int_handler)
with Display() as display:
    display.expect({"ddpm": 100.0, "dcgan": 10.0, "vae": 20.0}, workers=2)
    rows = [("ddpm", n, 100.0) for n in range(3)] + [("dcgan", n, 2.0) for n in range(3)]
    for training, n, kimg in rows:
        display.show(training, {"kimg": float(n), "loss/generator": 0.123456, "loss/discriminator": 1.5}, kimg)
        time.sleep(0.1)
    logging.info("a line of the log")
    time.sleep(float(sys.argv[1]))
logging.info("the end")
"""


def shown(words, columns, until):
    """Run a script in a terminal, interrupt it once something is shown, and return the screens before and at the end."""
    leader, follower = pty.openpty()
    environment = os.environ | {"COLUMNS": str(columns), "LINES": "24", "TERM": "xterm-256color"}
    running = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *words],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=environment,
        start_new_session=True,
    )
    os.close(follower)
    screen = pyte.Screen(columns, 24)
    stream, before, deadline = pyte.ByteStream(screen), None, time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([leader], [], [], 0.1)[0]:
            try:
                data = os.read(leader, 65536)
            except OSError:  # closed by its other end
                break
            stream.feed(data)
            continue
        # Nothing has come for a while, and the line that is drawn last stands there: it is a whole picture.
        lines = [line.rstrip() for line in screen.display if line.strip()]
        drawn = bool(lines) and lines[-1].startswith("all trainings") and " left" in lines[-1]
        if before is None and drawn and any(until in line for line in lines):
            before = lines
            running.send_signal(2)
    running.wait(timeout=10)
    os.close(leader)
    return before, [line.rstrip() for line in screen.display if line.strip()], screen


def test_a_training_that_was_reused_counts_and_is_not_waited_for():
    with display.Display() as shown:
        shown.expect({"ddpm": 100.0, "dcgan": 40.0}, workers=1)
        assert shown.seconds_left() == 140.0
        shown.done("ddpm")
        assert shown.seconds_left() == 40.0
        assert shown._counted() == "1 of 2 trained"


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_bars_speed_and_time_left_fit_any_terminal_and_ctrl_c_leaves_it_sane(columns):
    before, after, screen = shown(["30"], columns, until="a line of the log")
    assert before[0] == "a line of the log"
    (ddpm,) = [line for line in before if line.startswith("ddpm")]
    assert "images/s" in ddpm and " left" in ddpm
    assert ("generator 0.123" in ddpm) == (columns >= 80) and ("discriminator 1.5" in ddpm) == (
        columns == 120
    )
    assert not any(line.startswith("dcgan") for line in before)  # it is trained
    assert before[-1].startswith("all trainings") and "1 of 3 trained" in before[-1] and " left" in before[-1]
    assert not screen.cursor.hidden
    assert after[0] == "a line of the log" and "KeyboardInterrupt" in after[-1]
    assert not any(line.startswith(("ddpm", "all trainings")) for line in after)


def test_the_time_left_is_that_of_the_longest_or_of_all_shared_by_the_workers(monkeypatch):
    now = iter([0.0, 10.0, 10.0])
    monkeypatch.setattr(display.time, "perf_counter", lambda: next(now))
    with display.Display() as shows:
        shows.expect({"ddpm": 500.0, "dcgan": 30.0, "vae": 50.0}, workers=2)
        shows.show("ddpm", {"kimg": 1.0}, 11.0)
        shows.show("ddpm", {"kimg": 2.0}, 11.0)  # 90 seconds left, not 500
        assert shows.seconds_left() == 90.0
        shows.expect({"ddpm": 500.0, "dcgan": 300.0, "vae": 50.0}, workers=2)
        assert shows.seconds_left() == 300.0
        shows.expect({"ddpm": 500.0, "dcgan": 300.0, "vae": 300.0}, workers=2)
        assert shows.seconds_left() == (90.0 + 300.0 + 300.0) / 2


def test_where_there_is_no_terminal_lines_say_the_same(monkeypatch, caplog):
    now = iter([0.0, 20.0])
    monkeypatch.setattr(display.time, "perf_counter", lambda: next(now))
    with display.Display() as shows, caplog.at_level(logging.INFO):
        shows.expect({"ddpm": 500.0, "dcgan": 30.0}, workers=2)
        shows.show("ddpm", {"kimg": 1.0, "loss/denoiser": 0.5}, 100.0)
        shows.show("ddpm", {"kimg": 2.0, "loss/denoiser": 0.5}, 100.0)
    assert [record.getMessage() for record in caplog.records] == [
        "ddpm  2.0/100 kimg  50 images/s  32:40 left  denoiser 0.5",
        "all trainings  0 of 2 trained  32:40 left",
    ]
