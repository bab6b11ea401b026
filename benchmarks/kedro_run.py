"""A real `kedro run` in a copy of the project, and what it took: all in all, outside its nodes, and at most of memory."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

PROJECT = Path(__file__).parents[1]
SECONDS_BETWEEN_LOOKS = 0.5
CHILD = f"""
import atexit, json, os, sys, time
sys.path.insert(0, {str(PROJECT / "benchmarks")!r})
import gencompare.settings
from kedro.framework.hooks import hook_impl

class Spans:
    began, spans = {{}}, []

    @hook_impl
    def before_node_run(self, node):
        self.began[node.name] = time.time()

    @hook_impl
    def after_node_run(self, node):
        self.spans.append((node.name, self.began[node.name], time.time()))

spans = Spans()
gencompare.settings.HOOKS = (*gencompare.settings.HOOKS, spans)
atexit.register(lambda: open(os.environ["SPANS"], "w").write(json.dumps(spans.spans)))
from kedro.framework.cli.cli import main
main()
"""


@dataclass(frozen=True)
class Took:
    """What a run took.

    Attributes:
        seconds: from the command to the process's end.
        outside: of these, while no node ran.
        in_nodes: of all nodes together, those that run side by side each for itself.
        memory_mb: the most memory at a time of the process and all it started, shared pages once.
    """

    seconds: float
    outside: float
    in_nodes: float
    memory_mb: float


@contextmanager
def copy() -> Iterator[Path]:
    """A copy of the project without its data, while the context lasts."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("conf", "src", "pyproject.toml"):
            made = Path(folder) / name
            if (PROJECT / name).is_dir():
                shutil.copytree(PROJECT / name, made, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(PROJECT / name, made)
        yield Path(folder)


def kedro_run(project: Path, *arguments: str) -> Took:
    """Run `kedro run` with arguments in a copy of the project.

    Raises:
        RuntimeError: with the run's last lines, if it fails.
    """
    spans, log = project / "spans.json", project / "run.log"
    environment = os.environ | {"PYTHONPATH": str(project / "src"), "SPANS": str(spans)}
    command = [sys.executable, "-W", "ignore", "-c", CHILD, "run", *arguments]
    started, memory = time.time(), 0.0
    with log.open("w") as output:
        child = subprocess.Popen(command, cwd=project, env=environment, stdout=output, stderr=output)
        while child.poll() is None:
            memory = max(memory, _memory_mb(child.pid))
            time.sleep(SECONDS_BETWEEN_LOOKS)
    ended = time.time()
    if child.returncode:
        raise RuntimeError("\n".join(log.read_text().splitlines()[-20:]))
    found = [(begin, end) for _, begin, end in json.loads(spans.read_text())]
    total = ended - started
    return Took(total, total - _covered(found), sum(end - begin for begin, end in found), memory)


def _covered(spans: list[tuple[float, float]]) -> float:
    """Seconds in which at least one span lies."""
    covered, until = 0.0, 0.0
    for begin, end in sorted(spans):
        covered += max(0.0, end - max(begin, until))
        until = max(until, end)
    return covered


def _memory_mb(pid: int) -> float:
    """Memory of a process and all that it started, each page that several share divided between them."""
    total = 0
    try:
        for process in (parent := psutil.Process(pid), *parent.children(recursive=True)):
            with _ended():
                total += process.memory_full_info().pss
    except psutil.Error:
        return 0.0
    return total / 2**20


@contextmanager
def _ended() -> Iterator[None]:
    """Pass over a process that has just ended."""
    try:
        yield
    except psutil.NoSuchProcess:
        return
