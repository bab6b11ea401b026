"""One at a time, of all processes on this machine: what is asked for twice is done once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from gencompare.training.progress import Stopped, stopping

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 1.0
"""A wait that is shorter is not worth a line."""


@contextmanager
def alone(file: Path, waiting: str) -> Iterator[None]:
    """Wait until nobody else holds a lock, and hold it. Whoever waited finds there what the other has left.

    Args:
        file: of the lock, in a folder that there is.
        waiting: what to say where somebody else holds it.

    Raises:
        Stopped: if this process is asked to stop while it waits.
    """
    lock, said = FileLock(file), False
    while not lock.is_locked:
        try:
            lock.acquire(timeout=SECONDS_BETWEEN_LOOKS)
        except Timeout:
            if not said:
                logger.info(waiting)
            said = True
            if stopping.is_set():
                raise Stopped from None
    try:
        yield
    finally:
        lock.release()
