"""What a user sees while contenders train: all of them on one live display in a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from types import TracebackType

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from gencompare.training.progress import Row

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 15.0


class Display:
    """Shows trainings as their history rows arrive: a bar each, images/s, losses, time left; and the whole."""

    def __enter__(self) -> Display:
        self._first: dict[str, tuple[float, float]] = {}  # when and at how many kimg each was first heard of
        self._last_line: dict[str, float] = {}
        self._tasks: dict[str, TaskID] = {}
        self._progress: Progress | None = None
        if sys.stderr.isatty():
            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[text]}"))
            self._progress = Progress(*columns, TimeRemainingColumn(), transient=True)
            self._progress.start()
            _write_lines_to(sys.stderr)  # which rich has put in its place, to write above the bars
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()
            _write_lines_to(sys.stderr)

    def show(self, training: str, row: Row, kimg: float) -> None:
        """Take in a history row of a training and its whole budget."""
        now = time.perf_counter()
        started, before = self._first.setdefault(training, (now, row["kimg"]))
        rate = 1000 * (row["kimg"] - before) / (now - started) if now > started else 0.0
        losses = "  ".join(f"{name} {value:.4g}" for name, value in row.items() if name.startswith("loss/"))
        text = f"{row['kimg']:.1f}/{kimg:g} kimg  {rate:.0f} images/s  {losses}"
        if self._progress is not None:
            if training not in self._tasks:
                self._tasks[training] = self._progress.add_task(training, total=kimg, text="")
            self._progress.update(self._tasks[training], completed=row["kimg"], text=text)
        elif rate and now - self._last_line.setdefault(training, started) >= SECONDS_BETWEEN_LINES:
            left = 1000 * (kimg - row["kimg"]) / rate
            logger.info("%s  %s  %d:%02d left", training, text, left // 60, left % 60)
            self._last_line[training] = now


def _write_lines_to(stream: object) -> None:
    """Have log lines written to a stream from now on."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(stream)
