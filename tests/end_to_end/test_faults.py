"""Faults that a run must survive, or end of in one line: killed workers, a killed parent, Ctrl-C."""

from __future__ import annotations

import signal
import time
from contextlib import suppress

import psutil
import pytest

from .test_interruption import CONTENDERS, assert_same_bytes, checkpoints, start, wait

KILLS = 10


def workers_of(parent: psutil.Process) -> list[psutil.Process]:
    """Return the engine's worker processes, the oldest first."""
    found = []
    for child in parent.children():
        with suppress(psutil.NoSuchProcess):
            if "forkserver" in " ".join(child.cmdline()):
                found += child.children()
    return sorted(found, key=lambda child: child.create_time())


def test_killed_workers_are_replaced_and_the_bytes_are_the_same(finished, project):
    running = start(project)
    parent, kills, seen = psutil.Process(running.pid), 0, set()
    deadline = time.monotonic() + 400
    while running.poll() is None and time.monotonic() < deadline:
        found = set(checkpoints(project))
        if found - seen and kills < KILLS and (workers := workers_of(parent)):
            workers[0].kill()
            seen |= found
            kills += 1
        time.sleep(0.02)
    if running.poll() is None:
        running.kill()
    said = running.stderr.read().decode()
    assert running.returncode == 0, said
    assert kills == KILLS
    assert "goes on from its checkpoint" in said
    assert "Traceback" not in said
    assert_same_bytes(finished, project)


def test_a_killed_parent_leaves_no_process_behind(project):
    running = start(project)
    wait(running, lambda: checkpoints(project))
    children = psutil.Process(running.pid).children(recursive=True)
    running.kill()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []


@pytest.mark.alone
def test_ctrl_c_ends_in_five_seconds_in_one_line(project):
    running = start(
        project, checkpoint_seconds=1e6
    )  # so that whatever checkpoint there is comes from stopping
    wait(running, lambda: list(project.glob("data/06_models/trainings/*/settings.json")))
    children = psutil.Process(running.pid).children(recursive=True)
    for process in (psutil.Process(running.pid), *children):  # a terminal sends it to all
        process.send_signal(signal.SIGINT)
    started = time.monotonic()
    said = running.communicate(timeout=30)[1].decode()
    assert time.monotonic() - started < 5
    assert running.returncode == 1
    assert "Traceback" not in said
    assert said.splitlines()[-1] == "Error: stopped; the same command goes on from here"
    assert psutil.wait_procs(children, timeout=5)[1] == []
    assert checkpoints(project)


def test_two_runs_at_once_train_once_and_come_to_the_same(finished, project):
    both = [start(project) for _ in range(2)]
    said = [one.communicate(timeout=600)[1].decode() for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert "Traceback" not in "".join(said)
    for name in CONTENDERS:
        assert "".join(said).count(f"{name} finished:") + "".join(said).count(f"{name} diverged:") == 1, said
    assert_same_bytes(finished, project)
    for samples in project.glob("data/07_model_output/gan_compare/*/*/samples.npz"):
        versions = {file.read_bytes() for file in samples.glob("*/samples.npz")}
        assert (len(list(samples.iterdir())), len(versions)) == (2, 1)
