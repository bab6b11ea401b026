"""What a worker does: loaded by each of the engine's processes when it starts, and around each piece of work."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import Any

import psutil
from distributed import Worker, get_worker

from gencompare.config.typed import SettingError
from gencompare.provenance import COUNTS_WITH
from gencompare.source_code import code_hash, modules_in
from gencompare.training import progress

ROWS = "gencompare rows"
"""The topic under which history rows travel to the parent, with the run's name behind: a scheduler may have several."""

LEAST_FREE = 0.05
"""Of the machine's memory. With less, systems begin to kill processes."""
SECONDS_BETWEEN_LOOKS = 0.5

logger = logging.getLogger(__name__)

_under_way = ""
_run = ""
"""Whose work is, or was last, done here."""
_stopped: set[str] = set()
"""Runs that were asked to stop: a worker that was started by hand outlives them."""
_turn = threading.Lock()


def dask_setup(worker: Worker) -> None:
    """Prepare a worker: its imports, its threads and its log."""
    import torch

    import gencompare.running.preloaded  # noqa: F401
    from gencompare.training.device import pick_device

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))
    logging.getLogger().handlers.clear()  # importing Kedro set them up; all lines go to the parent
    pick_device()  # which says this too
    logging.captureWarnings(True)
    logging.getLogger("gencompare").setLevel(logging.INFO)
    threading.Thread(target=_watch_memory, daemon=True).start()


def work(
    run: str, ours: str | None, label: str, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> Any:
    """Call a function here; its history rows and log lines reach the parent while it runs.

    Args:
        run: that it belongs to.
        ours: the parent's code, to be held against this worker's, which may have come after all were looked at; none
            where the parent has started it.
        label: what the work is called.
        function: of a module.
        arguments: its.

    Raises:
        SettingError: if this worker must not do it.
        Stopped: if its run was asked to stop.
    """
    global _run, _under_way  # noqa: PLW0603  the thread that watches memory, and the one that stops, must see them
    worker = get_worker()
    if ours is not None and (said := objection(ours, code(), worker.state.nthreads)):
        raise SettingError(f"engine={worker.scheduler.address}: {worker.address} {said}")
    with _turn:
        if run in _stopped:
            raise progress.Stopped
        _run, _under_way = run, label
        progress.stopping.clear()  # an earlier run's
    logger.info("── %s", label)
    with progress.observing(lambda *row: worker.log_event(f"{ROWS} {run}", row)):
        return function(*arguments)


@cache
def code() -> str:
    """Say what code this process trains with: a hash of this package's, and the versions that results depend on."""
    import torch

    # Of torch the build counts too, such as +cpu, which its package's version leaves out.
    versions = {name: version(name) for name in COUNTS_WITH} | {"torch": torch.__version__}
    said = ", ".join(f"{name} {number}" for name, number in versions.items())
    return f"gencompare {code_hash(frozenset(modules_in()))[:12]}, {said}"


def objection(ours: str, theirs: str, threads: int) -> str | None:
    """Say why a worker with this code and so many threads must do nothing for us; None where it may."""
    if theirs != ours:
        return f"has {theirs}, and here is {ours}; install the same versions everywhere"
    if threads != 1:
        return f"has {threads} threads, and torch one random generator for all; start {threads} with --nthreads=1"
    return None


def stop(run: str) -> None:
    """Have what a run does in this process write its checkpoint and end; another run's goes on."""
    with _turn:
        _stopped.add(run)
        if run == _run:
            progress.stopping.set()


def _watch_memory() -> None:
    """Warn, once for each piece of work, before the system kills this process."""
    warned = ""
    while True:
        if _under_way != warned and (said := memory_warning(_under_way)):
            logger.warning("%s", said)
            warned = _under_way
        time.sleep(SECONDS_BETWEEN_LOOKS)


def memory_warning(label: str) -> str | None:
    """Say in one line that the machine runs out of memory, and what to do; None while it does not."""
    memory = psutil.virtual_memory()
    if memory.available >= LEAST_FREE * memory.total:
        return None
    held = psutil.Process().memory_info().rss
    return (
        f"{label}: {memory.available / 2**30:.1f} GB of the machine's {memory.total / 2**30:.1f} GB of memory are"
        f" left, and this work holds {held / 2**30:.1f} GB. The system may kill it: stop with Ctrl-C and give the"
        " command again with fewer --contenders at a time, which go on, or a smaller training.batch_size, which begin"
        " anew; or end other programs"
    )
