"""Faults that a run must survive, or end of in one line: killed workers, a killed parent, Ctrl-C."""

from __future__ import annotations

import signal
import time
from contextlib import suppress

import psutil

from .test_interruption import assert_same_bytes, checkpoints, start, wait

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
        new = [path for path in checkpoints(project) if path not in seen]
        if new and kills < KILLS:
            seen |= set(checkpoints(project))
            for worker in workers_of(parent)[:1]:
                worker.kill()
                kills += 1
        time.sleep(0.02)
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
