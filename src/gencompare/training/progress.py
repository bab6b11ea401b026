"""Telling people and tools how training goes: one place to listen, one line to read."""

from __future__ import annotations

import logging
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

logger = logging.getLogger(__name__)

Row = dict[str, float]
Observer = Callable[[str, Row], None]

_observers: list[Observer] = []


@contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Call `observer(contender name, history row)` for every row while the context lasts."""
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)


def tell(contender: str, row: Row) -> None:
    """Call every observer with a history row."""
    for observer in _observers:
        observer(contender, row)


@dataclass
class Reporter:
    """Shows one contender's training: a bar in a terminal, a plain line every few seconds elsewhere.

    And in a process beside others, for bars of several processes would write over each other.
    """

    contender: str
    kimg: float
    seconds_between_lines: float = 15.0

    def __enter__(self) -> Reporter:
        self._started = self._last_line = time.perf_counter()
        self._first_kimg: float | None = None
        self._bar: Progress | None = None
        if sys.stderr.isatty() and multiprocessing.parent_process() is None:
            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[text]}"))
            self._bar = Progress(*columns, TimeRemainingColumn(), transient=True)
            self._task = self._bar.add_task(self.contender, total=self.kimg, text="")
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def start(self, kimg: float) -> None:
        """Note where training starts, so that the speed shown is this process's own."""
        self._first_kimg = kimg
        self._started = time.perf_counter()

    def show(self, row: Row) -> None:
        """Pass a new history row on to observers and to the reader."""
        tell(self.contender, row)
        now = time.perf_counter()
        rate = 1000 * (row["kimg"] - (self._first_kimg or 0.0)) / max(now - self._started, 1e-9)
        losses = "  ".join(f"{k} {v:.4g}" for k, v in row.items() if k.startswith("loss/"))
        text = f"{row['kimg']:.1f}/{self.kimg:g} kimg  {rate:.0f} images/s  {losses}"
        if self._bar is not None:
            self._bar.update(self._task, completed=row["kimg"], text=text)
        elif now - self._last_line >= self.seconds_between_lines:
            left = 1000 * (self.kimg - row["kimg"]) / max(rate, 1e-9)
            logger.info("%s  %s  %d:%02d left", self.contender, text, left // 60, left % 60)
            self._last_line = now
