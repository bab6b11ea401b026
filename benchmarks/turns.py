"""Two ways to train, in turns on one machine: the project's `train`, and another after each of its history rows."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gencompare.imagesets.arrays import Images
from gencompare.objectives.base import Objective
from gencompare.training.loop import Trained, all_steps, train
from gencompare.training.progress import Row, observing
from gencompare.training.settings import TrainingSettings

SEED = 0


@dataclass(frozen=True)
class Turns:
    """What both took.

    Attributes:
        ours, other: seconds of the processor for each row, float64 (rows,).
        steps_a_row: how many steps that was.
        trained: what the project's training left.
    """

    ours: np.ndarray
    other: np.ndarray
    steps_a_row: int
    trained: Trained

    @property
    def over(self) -> np.ndarray:
        """What ours took more than the other: the median over rows and both quartiles, as shares."""
        return np.percentile(self.ours / self.other - 1.0, [50, 25, 75])


def whole_rows(settings: TrainingSettings, rows: int, steps_a_row: int) -> TrainingSettings:
    """Settings of a training of so many rows on the CPU, without checkpoints and validations."""
    kimg = rows * steps_a_row * settings.batch_size / 1000
    return replace(settings, kimg=kimg, rows=rows, validations=0, checkpoint_seconds=1e9, device="cpu")


def in_turns(
    objective: Callable[[], Objective],
    images: Images,
    settings: TrainingSettings,  # from `whole_rows`
    other: Callable[[int, int], None],  # takes steps `begin` to `end`
) -> Turns:
    """Train in both ways; the first row, in which all warms up, is thrown away.

    Time is the process's own (`time.process_time`), which what else runs on the machine disturbs least.
    """
    steps = all_steps(settings) // settings.rows
    ours, theirs, since = [], [], time.process_time()

    def take_turns(_: str, row: Row, kimg: float) -> None:
        nonlocal since
        now = time.process_time()
        ours.append(now - since)
        other(begin := len(theirs) * steps, begin + steps)
        since = time.process_time()
        theirs.append(since - now)

    with tempfile.TemporaryDirectory() as folder, observing(take_turns):
        trained = train(objective, images, settings, name="ours", seed=SEED, folder=Path(folder))
    return Turns(np.array(ours[1:]), np.array(theirs[1:]), steps, trained)


def say(line: str) -> None:
    """Print at once."""
    print(line, flush=True)  # noqa: T201


def load() -> str:
    """How busy the machine was over the last minute."""
    return f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
