"""What the tests of `training.apart` have done in processes of their own, which must be able to import it."""

from __future__ import annotations

import logging
import os
import signal
import time

import numpy as np
import torch

from gencompare.config.typed import SettingError
from gencompare.training import progress


def about_this_process() -> tuple[int, int]:
    return os.getpid(), torch.get_num_threads()


def speak() -> torch.Tensor:
    logging.getLogger("gencompare.example").info("at %d of %d", 1, 2)
    progress.tell("dcgan", {"kimg": 1.0})
    progress.tell("dcgan", {"kimg": 2.0})
    return torch.arange(3)


def refuse() -> None:
    raise SettingError("lr=-1: must be positive")


def be_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def linger() -> None:
    time.sleep(60)


def is_map(images: np.ndarray) -> tuple[bool, int]:
    return isinstance(images, np.memmap), int(images.sum())


def random_numbers(seed: int) -> list[float]:
    torch.manual_seed(seed)
    return [float(torch.rand(())) for _ in range(10_000)]
