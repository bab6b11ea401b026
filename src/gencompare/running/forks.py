"""The process that workers of this machine are forked from: it imports, once and early, what all their work imports."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from multiprocessing import forkserver, resource_tracker

import joblib

from gencompare.config.typed import SettingError

os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "critical")  # what a user must know is said by us

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""What libraries read once, when they are loaded."""


def can_fork() -> bool:
    """Whether workers are forked. Elsewhere than on Linux that is not safe."""
    return sys.platform == "linux"


def threads(workers: int) -> dict[str, int]:
    """Share this machine's cores out between workers: how many threads each has, as environment variables."""
    return dict.fromkeys(THREADS, max(1, joblib.cpu_count() // workers))


def prepare(workers: int) -> None:
    """Start the process, unless it runs already, for this many workers; return at once. None of them hears Ctrl-C:
    they are told to stop by the process that started them."""
    if not can_fork():
        return
    forkserver.set_forkserver_preload(["gencompare.running.preloaded"])
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update({name: str(number) for name, number in threads(workers).items()})
    resource_tracker.ensure_running()  # which unblocks what is blocked here
    signal.pthread_sigmask(
        signal.SIG_BLOCK, {signal.SIGINT}
    )  # Ctrl-C in a terminal reaches all its processes
    try:
        forkserver.ensure_running()
    except OSError as error:  # its socket lies there
        raise SettingError(f"TMPDIR={tempfile.gettempdir()}: {error}; name another folder") from error
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    for name, value in before.items():
        del os.environ[name]
        if value is not None:
            os.environ[name] = value
