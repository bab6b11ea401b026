"""Two hosts, as network namespaces with a cable between them: both work for one run, which outlives the loss of one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from .test_interruption import assert_same_bytes, start, wait

ADDRESS = "tcp://10.0.0.1:8786"


def ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], check=True, capture_output=True)


@pytest.fixture
def hosts() -> Iterator[tuple[str, str]]:
    """The names of two network namespaces, 10.0.0.1 and 10.0.0.2, that see each other and nothing else."""
    with connected() as names:
        yield names


@contextmanager
def connected() -> Iterator[tuple[str, str]]:
    """Make the two, for as long as the context lasts."""
    one, two = names = [f"gencompare-{os.getpid()}-{number}" for number in (1, 2)]
    with ExitStack() as made:
        try:
            for name in names:
                ip(f"netns add {name}")
                made.callback(ip, f"netns del {name}")
            ip(f"link add cable netns {one} type veth peer name cable netns {two}")
        except (OSError, subprocess.CalledProcessError) as reason:
            pytest.skip(f"no network namespaces can be made here: {reason}")
        for number, name in enumerate(names, 1):
            ip(f"-n {name} addr add 10.0.0.{number}/30 dev cable")
            ip(f"-n {name} link set cable up")
            ip(f"-n {name} link set lo up")
        yield one, two


def on(host: str, *words: str) -> list[str]:
    """A command as it is given on a host."""
    return ["ip", "netns", "exec", host, *words]


def freeze_in_training(workers: psutil.Process) -> bool:
    """Stop the clock of a host's worker if it is in the middle of a training that has a checkpoint."""
    for worker in workers.children(recursive=True):
        with suppress(psutil.Error):
            worker.suspend()
            held = {Path(file.path).parent for file in worker.open_files() if "/trainings/" in file.path}
            newest = (max(folder.glob("0*/state.json"), default=None) for folder in held)
            if any(state and json.loads(state.read_text())["status"] == "training" for state in newest):
                return True
            worker.resume()
    return False


@pytest.mark.parametrize("works", [1, 2])
def test_where_a_host_or_the_cable_cannot_be_made_no_host_is_left(monkeypatch, works):
    asked, there = [], set()

    def ip(words):
        asked.append(words)
        if words.startswith("netns del"):
            there.remove(words.split()[-1])
        elif len(asked) > works:
            raise subprocess.CalledProcessError(1, words)
        else:
            there.add(words.split()[-1])

    monkeypatch.setitem(globals(), "ip", ip)
    with pytest.raises(pytest.skip.Exception), connected():
        pass
    assert there == set()


def test_a_lost_host_is_done_without_and_the_bytes_are_the_same(finished, project, hosts):
    one, two = hosts
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "10.0.0.1", "--port", "8786"]
    work = [sys.executable, "-m", "distributed.cli.dask_worker", ADDRESS, "--nthreads", "1"]
    work += ["--memory-limit", "0", "--no-dashboard", "--preload", "gencompare.running.worker"]
    arrived = (
        f"from distributed import Client; Client('{ADDRESS}', timeout=60).wait_for_workers(2, timeout=60)"
    )
    started: list[subprocess.Popen[bytes]] = []
    try:
        for host, words in ((one, [*dask, "--no-dashboard"]), (one, work), (two, work)):
            started.append(subprocess.Popen(on(host, *words), cwd=project, stderr=subprocess.DEVNULL))
        subprocess.run(
            on(one, sys.executable, "-c", arrived), check=True, timeout=150, stderr=subprocess.PIPE
        )
        elsewhere = psutil.Process(started[-1].pid)
        running = start(project, f"--engine={ADDRESS}", before=on(one))
        wait(running, lambda: freeze_in_training(elsewhere))
        ip(f"-n {two} link set cable down")  # first, so that nothing says farewell
        for process in (*elsewhere.children(recursive=True), elsewhere):
            process.kill()
        said = running.communicate(timeout=300)[1].decode()
    finally:
        for process in (psutil.Process(one.pid) for one in started if one.poll() is None):
            for child in (*process.children(recursive=True), process):
                child.kill()
    assert running.returncode == 0, said
    assert "2 workers at" in said
    assert "goes on from its checkpoint" in said
    assert "Traceback" not in said
    assert_same_bytes(finished, project)
