"""Work in a process of its own: what comes back from it, and what ends it."""

from __future__ import annotations

import importlib
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from gencompare.config.typed import SettingError
from gencompare.training import apart as module
from gencompare.training import progress
from gencompare.training.apart import apart, side_by_side


@pytest.fixture
def errands(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return importlib.import_module("errands")


def test_stays_here_where_nothing_runs_side_by_side(errands):
    assert apart(errands.about_this_process)[0] == os.getpid()


def test_goes_to_a_process_with_its_threads(errands):
    with side_by_side(threads=1):
        process, threads = apart(errands.about_this_process)
    assert process != os.getpid() and threads == 1
    assert apart(errands.about_this_process)[0] == os.getpid()


def test_rows_log_lines_and_result_come_back(errands, caplog):
    rows = []
    with (
        caplog.at_level(logging.INFO),
        progress.observing(lambda *row: rows.append(row)),
        side_by_side(threads=1),
    ):
        result = apart(errands.speak)
    assert torch.equal(result, torch.arange(3))
    assert rows == [("dcgan", {"kimg": 1.0}), ("dcgan", {"kimg": 2.0})]
    assert [(record.name, record.getMessage()) for record in caplog.records] == [
        ("gencompare.example", "at 1 of 2")
    ]


def test_an_error_is_raised_here_as_what_it_is(errands):
    with side_by_side(threads=1), pytest.raises(SettingError, match="lr=-1"):
        apart(errands.refuse)


def test_a_killed_process_is_an_error_that_says_so(errands):
    with side_by_side(threads=1), pytest.raises(RuntimeError, match="be_killed ended with exit code -9"):
        apart(errands.be_killed)


def test_memory_maps_go_by_reference_and_views_of_them_by_value(errands, tmp_path):
    np.save(tmp_path / "images.npy", np.arange(100, dtype=np.uint8))
    images = np.load(tmp_path / "images.npy", mmap_mode="r")
    with side_by_side(threads=1):
        assert apart(errands.is_map, images) == (True, 4950)
        assert apart(errands.is_map, images[10:20]) == (False, 145)


def test_two_at_once_draw_what_each_draws_alone(errands):
    found: dict[int, list[float]] = {}

    def draw(seed: int) -> None:
        found[seed] = apart(errands.random_numbers, seed)

    with side_by_side(threads=1):
        threads = [threading.Thread(target=draw, args=(seed,)) for seed in (1, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == {seed: errands.random_numbers(seed) for seed in (1, 2)}


def test_what_still_runs_ends_with_the_context(errands):
    errors = []

    def wait_for_it() -> None:
        try:
            apart(errands.linger)
        except RuntimeError as error:
            errors.append(str(error))

    with side_by_side(threads=1):
        thread = threading.Thread(target=wait_for_it)
        thread.start()
        while not module._running:
            time.sleep(0.01)
        (process,) = module._running
    thread.join(timeout=20)
    assert errors and "exit code -15" in errors[0]
    assert not psutil.pid_exists(process.pid)


def test_a_process_ends_with_its_parent_even_when_that_is_killed(errands):
    script = (
        "import threading, time, errands\n"
        "from gencompare.training import apart\n"
        "with apart.side_by_side(threads=1):\n"
        "    threading.Thread(target=apart.apart, args=(errands.linger,), daemon=True).start()\n"
        "    while not apart._running: time.sleep(0.01)\n"
        "    print(*(process.pid for process in apart._running), flush=True)\n"
        "    time.sleep(60)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    parent = subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True
    )
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    child.wait(timeout=20)
