"""What the tests of the engine have done by its workers, which must be able to import it."""

from __future__ import annotations

import logging
import os
import signal
import time
from pathlib import Path

import numpy as np
import torch

from gencompare.config.typed import SettingError
from gencompare.training import progress


def about_this_process() -> tuple[int, int]:
    return os.getpid(), torch.get_num_threads()


def speak(kimg: float = 1.0) -> torch.Tensor:
    logging.getLogger("gencompare.example").info("at %d of %d", 1, 2)
    progress.tell("dcgan", {"kimg": kimg}, 2.0)
    progress.tell("dcgan", {"kimg": kimg + 1.0}, 2.0)
    return torch.arange(3)


def refuse() -> None:
    raise SettingError("lr=-1: must be more than 0")


def is_map(images: np.ndarray) -> tuple[bool, int]:
    return isinstance(images, np.memmap), int(images.sum())


def random_numbers(seed: int) -> list[float]:
    torch.manual_seed(seed)
    return [float(torch.rand(1)) for _ in range(200)]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(note: Path) -> str:
    if not note.exists():
        note.write_text("died")
        os.kill(os.getpid(), signal.SIGKILL)
    return note.read_text()


def wait_to_be_stopped(note: Path) -> None:
    note.write_text("waiting")
    while not progress.stopping.is_set():
        time.sleep(0.01)
    raise progress.Stopped


def die_when_stopped(note: Path) -> None:
    """Wait to be stopped, and be killed just then; whoever takes over waits too."""
    taken_over = note.exists()
    try:
        wait_to_be_stopped(note)
    except progress.Stopped:
        if not taken_over:
            os.kill(os.getpid(), signal.SIGKILL)
        raise


def note(label: str, notes: Path, go: Path) -> None:
    """Add a line to a file, once another file is there."""
    while not go.exists():
        time.sleep(0.01)
    with notes.open("a") as file:
        file.write(f"{label}\n")


def is_stopping() -> bool:
    return progress.stopping.is_set()


def linger(note: Path) -> None:
    note.write_text(str(os.getpid()))
    time.sleep(60)


def count_slowly(first: int, n: int, seconds: float, step: int) -> tuple[list[int], int]:
    """Count from `first`, or as far as some seconds let it, `step` numbers at a time that take 0.2 s; and say where."""
    started, found = time.monotonic(), []
    for start in range(first, first + n, step):
        found += range(start, min(start + step, first + n))
        time.sleep(0.2)
        if time.monotonic() - started > seconds:
            break
    return found, os.getpid()
