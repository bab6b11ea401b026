"""One run at a time in a folder, of all on this machine: what is asked for twice is done once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from gencompare.training.progress import Stopped, stopping

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 1.0


@contextmanager
def alone(folder: Path, waiting: str) -> Iterator[None]:
    """Wait until nobody else works in a folder. Whoever waited finds there what the other has left.

    Args:
        folder: that there is.
        waiting: what to say where somebody else does.

    Raises:
        Stopped: if this process is asked to stop while it waits.
    """
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.info(waiting)
        while not lock.is_locked:
            if stopping.is_set():
                raise Stopped from None
            try:
                lock.acquire(timeout=SECONDS_BETWEEN_LOOKS)
            except Timeout:
                continue
    try:
        yield
    finally:
        lock.release()
