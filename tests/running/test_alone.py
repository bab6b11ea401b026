"""What two processes ask for at once is done once, and whoever waits can be stopped."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from gencompare.running import alone as module
from gencompare.running.alone import alone
from gencompare.training.progress import Stopped, stopping

ONE = """
import sys, time
from pathlib import Path
from gencompare.running.alone import alone
folder = Path(sys.argv[1])
with alone(folder, "dcgan"):
    if not (folder / "done").exists():
        time.sleep(0.3)
        with (folder / "count").open("a") as file:
            file.write("1")
        (folder / "done").touch()
"""


def test_processes_at_once_do_it_once(tmp_path):
    running = [subprocess.Popen([sys.executable, "-c", ONE, str(tmp_path)]) for _ in range(3)]
    assert [one.wait(timeout=60) for one in running] == [0, 0, 0]
    assert (tmp_path / "count").read_text() == "1"


@pytest.mark.alone
def test_who_waits_says_so_and_can_be_stopped(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LOOKS", 0.05)
    caplog.set_level("INFO", logger="gencompare")
    timer = threading.Timer(0.3, stopping.set)
    with alone(tmp_path, "it is done elsewhere"):
        timer.start()
        started = time.monotonic()
        try:
            with pytest.raises(Stopped), alone(tmp_path, "it is done elsewhere"):
                pass
        finally:
            stopping.clear()
    assert time.monotonic() - started < 2
    assert "it is done elsewhere" in caplog.text


def test_it_is_free_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), alone(tmp_path, "dcgan"):
        raise ZeroDivisionError
    with alone(tmp_path, "dcgan"):
        pass
