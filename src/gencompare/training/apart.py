"""Work in processes of its own, so that several contenders train at once, each on its share of the cores.

Small networks gain little from a second thread, for threads wait for each other after every operation: on two
cores, two trainings of one thread each get through 1.4 to 2.5 times the images of one training with two.
Processes and not threads, for torch's random generator is one a process, and a training must draw the same
numbers whatever trains beside it.
"""

from __future__ import annotations

import logging
import mmap
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from typing import Any, TypeVar

import numpy as np
import torch

from gencompare.training import progress

Result = TypeVar("Result")

# A fork server has imported torch, once for all, and started none of its threads, which would not survive a fork
# of this process. It needs an operating system that forks safely.
_context: Any = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")

_threads: int | None = None
_running: set[BaseProcess] = set()
_over = threading.Event()


@contextmanager
def side_by_side(threads: int, preload: Sequence[str] = (__name__,)) -> Iterator[None]:
    """While the context lasts, `apart` works in processes of their own, and what still runs ends with it.

    Args:
        threads: torch's, in each process.
        preload: modules that hold the work, imported once for all processes where the system can.
    """
    global _threads  # noqa: PLW0603  node threads must see it, so it is no context variable
    if _context.get_start_method() == "forkserver":
        _context.set_forkserver_preload(list(preload))
    _threads = threads
    try:
        yield
    finally:
        stop()
        _threads = None
        _over.clear()


def stop() -> None:
    """End the processes that still run or start. Checkpoints are atomic, so nothing that they had is lost."""
    _over.set()
    for process in list(_running):
        process.terminate()


def apart(function: Callable[..., Result], *arguments: Any) -> Result:
    """Call a function of a module: here, or inside `side_by_side` in a process of its own.

    Its log lines and its trainings' history rows arrive here while it runs. Arguments and result are pickled,
    memory maps by reference to their files.

    Raises:
        RuntimeError: if the process ended without a result; killed, for instance, for want of memory.
    """
    if _threads is None:
        return function(*arguments)
    ours, theirs = _context.Pipe(duplex=False)
    process = _context.Process(target=_work, args=(theirs, _threads, function, arguments), daemon=True)
    process.start()
    theirs.close()
    _running.add(process)
    if _over.is_set():
        process.terminate()
    try:
        return _listen(ours)
    except EOFError:
        process.join()
        raise RuntimeError(
            f"the process of {function.__name__} ended with exit code {process.exitcode}"
        ) from None
    finally:
        process.join()
        _running.discard(process)
        ours.close()


def _listen(pipe: Connection) -> Any:
    """Pass on what a process sends, until its result, which is returned, or its error, which is raised."""
    while True:
        kind, value = pickle.loads(pipe.recv_bytes())
        if kind == "row":
            progress.tell(*value)
        elif kind == "log":
            logger = logging.getLogger(value.name)
            if logger.isEnabledFor(value.levelno):
                logger.handle(value)
        elif kind == "error":
            raise value
        else:
            return value


def _work(pipe: Connection, threads: int, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """Call the function in this process and send all that comes of it."""

    def send(kind: str, value: Any) -> None:
        pipe.send_bytes(pickle.dumps((kind, value)))  # a Connection's own pickler would share tensors' memory

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends us
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    logging.captureWarnings(True)
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[_Sender(send)], force=True)
    with progress.observing(lambda *row: send("row", row)):
        try:
            send("result", function(*arguments))
        except Exception as error:  # noqa: BLE001  raised again by `apart`
            send("error", error)


class _Sender(logging.Handler):
    """Sends log records, their text made up, to the parent."""

    def __init__(self, send: Callable[[str, Any], None]) -> None:
        super().__init__()
        self.send = send

    def emit(self, record: logging.LogRecord) -> None:
        record.msg, record.args, record.exc_info = self.format(record), None, None
        self.send("log", record)


def _end_with_parent() -> None:
    """End this process at once when its parent is gone: the same command, given again, trains in its place."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _reduce_memory_map(array: np.memmap) -> str | tuple[Any, ...]:
    """Pickle a whole read-only memory map as where it lies; a view of one, or one that can change, as its bytes."""
    if not isinstance(array.base, mmap.mmap) or array.mode != "r" or not array.flags.c_contiguous:
        return np.ndarray.__reduce__(np.asarray(array))
    return np.memmap, (array.filename, array.dtype, "r", array.offset, array.shape)


ForkingPickler.register(np.memmap, _reduce_memory_map)
