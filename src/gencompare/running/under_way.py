"""Which runs are at a project's artifacts: what they reuse must not be removed meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from gencompare.alone import alone
from gencompare.config.typed import SettingError

FOLDER = ".runs"
"""In `data/`: a lock for each run, which the system releases when its process ends, however it does."""
DOOR = "door"
"""Locked while a run comes in, and for as long as none may."""
WAITING = "kedro prune is removing what is superseded; waiting for its end"


@contextmanager
def under_way(data: Path, version: str) -> Iterator[None]:
    """Be known as a run while the context lasts. Where something is being removed, it waits for the end of that.

    Args:
        data: the project's.
        version: that the run saves.

    Raises:
        SettingError: if another run saves this version: both began in the same millisecond, or their clock is behind.
    """
    folder = data / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{version}.lock", thread_local=False)
    with alone(folder / DOOR, WAITING):
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise SettingError(
                f"another run saves version {version}, this one's: give the same command again"
            ) from None
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


@contextmanager
def none_under_way(data: Path, asked: str) -> Iterator[None]:
    """Have no run begin while the context lasts.

    Raises:
        SettingError: if one is under way; `asked` says what was asked for.
    """
    folder = data / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder / DOOR, WAITING):
        for file in sorted(folder.glob("*.lock")):
            try:
                with FileLock(file, timeout=0):
                    file.unlink(missing_ok=True)  # of a run that was killed
            except Timeout:
                raise SettingError(
                    f"{asked}: a run is under way, which may need what would be removed; give it again afterwards"
                ) from None
        yield
