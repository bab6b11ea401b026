"""What a user sees while contenders train: all of them on one live display in a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from collections import deque
from collections.abc import Mapping
from types import TracebackType

from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from gencompare.training.progress import Row

logger = logging.getLogger(__name__)

WHOLE = "all trainings"
SECONDS_BETWEEN_LINES = 15.0
ROWS_OF_SPEED = 10
"""So many of the last history rows tell how fast a training is."""


class Display:
    """Shows trainings as their history rows arrive: a bar each, images/s, time left, losses; and the whole."""

    def __enter__(self) -> Display:
        self._heard: dict[
            str, deque[tuple[float, float]]
        ] = {}  # when each was last heard of, at how many kimg
        self._left: dict[str, float] = {}  # seconds of training
        self._share: dict[str, float] = {}  # trained, from 0 to 1
        self._expected: dict[str, float] = {}
        self._workers = 1
        self._last_line: dict[str, float] = {}
        self._tasks: dict[str, TaskID] = {}
        self._progress: Progress | None = None
        if sys.stderr.isatty():
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=16),
                TextColumn("{task.fields[speed]}", justify="right", table_column=Column(no_wrap=True)),
                TextColumn("{task.fields[left]}", justify="right", table_column=Column(no_wrap=True)),
                TextColumn(
                    "{task.fields[losses]}",
                    style="dim",
                    table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
                ),
                expand=True,
                transient=True,
            )
            self._progress.start()
            _write_lines_to(sys.stderr)  # which rich has put in its place, to write above the bars
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()
            _write_lines_to(sys.stderr)

    def expect(self, seconds: Mapping[str, float], workers: int) -> None:
        """Take in what is to be trained in all, how long each training may take, and how many go on at once."""
        self._expected, self._workers = dict(seconds), workers

    def show(self, training: str, row: Row, kimg: float) -> None:
        """Take in a history row of a training and its whole budget."""
        now = time.perf_counter()
        heard = self._heard.setdefault(training, deque(maxlen=ROWS_OF_SPEED))
        heard.append((now, row["kimg"]))
        (since, before), rate = heard[0], 0.0
        if now > since:
            rate = 1000 * (row["kimg"] - before) / (now - since)
            self._left[training] = 1000 * (kimg - row["kimg"]) / rate if rate else 0.0
        losses = "  ".join(
            f"{n.removeprefix('loss/')} {v:.3g}" for n, v in row.items() if n.startswith("loss/")
        )
        self._share[training] = row["kimg"] / kimg
        if self._progress is not None:
            self._draw(
                training,
                self._share[training],
                f"{rate:.0f} images/s" if rate else "",
                _left(self._left.get(training)),
                losses,
            )
            if len(self._expected) > 1:
                self._draw_whole()
        elif rate and now - self._last_line.setdefault(training, since) >= SECONDS_BETWEEN_LINES:
            text = f"{row['kimg']:.1f}/{kimg:g} kimg  {rate:.0f} images/s"
            logger.info("%s  %s  %s  %s", training, text, _left(self._left[training]), losses)
            self._last_line[training] = now
            if len(self._expected) > 1:
                logger.info("%s  %s  %s", WHOLE, self._counted(), _left(self.seconds_left()))

    def done(self, training: str) -> None:
        """Take in that a training is over, of which nothing may have been heard: it was reused."""
        self._heard.setdefault(training, deque(maxlen=ROWS_OF_SPEED))
        self._left[training], self._share[training] = 0.0, 1.0

    def seconds_left(self) -> float:
        """Guess how long all training goes on: what is under way by its speed, what is to come by what it may take."""
        left = self._left | {
            one: seconds for one, seconds in self._expected.items() if one not in self._heard
        }
        return max(sum(left.values()) / self._workers, max(left.values(), default=0.0))

    def _draw(self, name: str, share: float, speed: str, left: str, losses: str) -> None:
        assert self._progress is not None
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=1.0, speed="", left="", losses="")
        self._progress.update(
            self._tasks[name],
            completed=share,
            speed=speed,
            left=left,
            losses=losses,
            visible=share < 1.0 or name == WHOLE,  # a log line says what is trained
        )

    def _draw_whole(self) -> None:
        """Draw the line of the whole, below those of all trainings."""
        assert self._progress is not None
        if WHOLE in self._tasks and list(self._tasks)[-1] != WHOLE:
            self._progress.remove_task(self._tasks.pop(WHOLE))
        seconds = sum(self._expected.values())
        done = sum(self._share.get(one, 0.0) * each for one, each in self._expected.items())
        self._draw(WHOLE, done / seconds if seconds else 0.0, self._counted(), _left(self.seconds_left()), "")

    def _counted(self) -> str:
        trained = sum(self._share.get(training, 0.0) >= 1.0 for training in self._expected)
        return f"{trained} of {len(self._expected)} trained"


def _left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return (
        f"{minutes // 60}:{minutes % 60:02d}:{rest:02d} left"
        if minutes >= 60
        else f"{minutes}:{rest:02d} left"
    )


def _write_lines_to(stream: object) -> None:
    """Have log lines written to a stream from now on."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(stream)
