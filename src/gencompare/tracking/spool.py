"""What MLflow is to be told, written down first: one file of JSON lines a process, in the project's `mlspool` folder.

Each line is a message: what to `do`, of which `run`, and when (`at`, ms). A file outlives the process that wrote it
until all of it is delivered, by that process or by a later one. Its lock tells whether its writer still lives.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Event, Lock
from typing import Any

from filelock import FileLock, Timeout

from gencompare.files import read_json, read_sound, write_json

logger = logging.getLogger(__name__)

Message = dict[str, Any]


class Spool:
    """A file of messages that this process owns: its own, or one that a process gone since has left.

    Attributes:
        added: set whenever a message was added; who waits for it clears it.
        ids: MLflow's ids of the runs that it knows by now, by ours.
    """

    def __init__(self, file: Path, lock: FileLock) -> None:
        self.file, self._lock = file, lock
        self.added = Event()
        self._turn = Lock()
        self._sent = file.with_suffix(".sent")
        sent = read_sound(self._sent, read_json) or {}  # what MLflow knows it may be told again
        self._place: int = sent.get("bytes", 0)
        self.ids: dict[str, str] = sent.get("ids", {})

    @classmethod
    def begin(cls, folder: Path, address: str) -> Spool:
        """Begin a new one, for an MLflow at an address."""
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{time.strftime('%Y%m%dT%H%M%S')}-{os.urandom(4).hex()}-{_mark(address)}.jsonl"
        lock = FileLock(folder / f"{name}.lock", thread_local=False)
        lock.acquire()
        (folder / name).touch()
        return cls(folder / name, lock)

    def add(self, do: str, run: str, **values: Any) -> None:
        """Write a message down, whole or not at all.

        Raises:
            OSError: if it cannot be, where the disk is full for one.
        """
        message = {"do": do, "run": run, "at": int(1000 * time.time())} | values
        line = f"{json.dumps(message)}\n".encode()
        with self._turn, self.file.open("ab", buffering=0) as file:
            end = file.tell()
            try:
                if file.write(line) < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.file))
            except OSError:
                file.truncate(end)  # or the next message would go on with half of this one
                raise
        self.added.set()

    def left(self) -> Iterator[tuple[Message, int]]:
        """Yield each message that is not delivered yet, and where in the file it ends."""
        with self.file.open("rb") as file:
            end = file.seek(self._place)
            for line in file:
                if not line.endswith(b"\n"):  # its writer was killed meanwhile
                    return
                end += len(line)
                try:
                    message = json.loads(line)
                except ValueError:
                    logger.warning("%s: left out a line that is damaged", self.file)
                    continue
                yield message, end

    def is_delivered(self) -> bool:
        """Return whether MLflow has been told everything so far."""
        return next(self.left(), None) is None

    def delivered(self, end: int, ids: Mapping[str, str]) -> None:
        """Note that MLflow has been told everything up to a place in the file, and by which ids it knows runs."""
        self._place, self.ids = end, dict(ids)
        write_json(self._sent, {"bytes": end, "ids": self.ids})

    def close(self) -> None:
        """Leave the file to whoever delivers the rest; remove it if there is none."""
        if self.is_delivered():
            for file in (self.file, self._sent, Path(self._lock.lock_file)):
                file.unlink(missing_ok=True)
        self._lock.release()


def abandoned(folder: Path, address: str) -> Iterator[Spool]:
    """Take over, one by one, the oldest first, what processes gone since have left for an MLflow at an address."""
    for file in sorted(folder.glob(f"*-{_mark(address)}.jsonl")):
        lock = FileLock(f"{file}.lock", thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        if file.is_file():
            yield Spool(file, lock)
        else:  # delivered by another process a moment ago
            lock.release()


def for_others(folder: Path, address: str) -> int:
    """Count what is left for MLflows at other addresses."""
    return sum(not file.stem.endswith(_mark(address)) for file in folder.glob("*.jsonl"))


def _mark(address: str) -> str:
    """Shorten an address, which may hold a password, to what tells it from others."""
    return hashlib.sha256(address.encode()).hexdigest()[:8]
