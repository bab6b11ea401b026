"""How many training images a budget in minutes or in floating point operations is.

What a step takes is measured where training will take place, at several points of the budget, for networks that grow
are slower at its end. The answer is a whole number of batches, so that whoever trains on as many images gets the same
weights, however fast his machine is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from gencompare.config.budget import Budget
from gencompare.imagesets.arrays import Images
from gencompare.models.parts.precision import fast_kernels
from gencompare.objectives.base import Objective
from gencompare.training.device import describe_device, pick_device
from gencompare.training.feed import Feed
from gencompare.training.loop import flop_counter, prepare, seeded, take_step
from gencompare.training.settings import TrainingSettings
from gencompare.training.state import TrainingState

POINTS = 10
LEAST_STEPS = 3


@dataclass(frozen=True)
class Speed:
    """What training takes, on average over its budget.

    Attributes:
        seconds_per_image: on `device`.
        flops_per_image: floating point operations.
    """

    seconds_per_image: float
    flops_per_image: float
    device: str

    def kimg(self, budget: Budget, batch_size: int) -> float:
        """Return how many thousands of images a budget in minutes or petaflops is: whole batches, at least one."""
        if budget.minutes is not None:
            images = 60.0 * budget.minutes / self.seconds_per_image
        else:
            images = 1e15 * float(budget.petaflops or 0) / self.flops_per_image
        return max(1, int(images / batch_size)) * batch_size / 1000


def measure_speed(
    make_objective: Callable[[], Objective],
    images: Images,
    settings: TrainingSettings,
    *,
    seed: int,
    seconds: float,  # of measuring, at least; 0 counts operations only
) -> Speed:
    """Train for a few seconds, throw the networks away, and return how fast that was."""
    device = pick_device(settings.device)
    with seeded(seed, device), fast_kernels():
        state, feed = prepare(make_objective(), images, settings, seed, device)
        taken, flops = [], []
        for share in (np.arange(POINTS) + 0.5) / POINTS:
            if state.objective.advance(float(share)):
                state.begin_stage()
            with flop_counter() as counter:
                for _ in range(state.objective.period):
                    take_step(state, feed, settings, float(share))  # also warms up
            flops.append(counter.get_total_flops() / state.objective.period)
            if seconds:
                taken.append(_seconds_per_step(state, feed, settings, float(share), seconds / POINTS))
    return Speed(
        seconds_per_image=float(np.mean(taken)) / settings.batch_size if taken else math.nan,
        flops_per_image=float(np.mean(flops)) / settings.batch_size,
        device=describe_device(device),
    )


def _seconds_per_step(
    state: TrainingState, feed: Feed, settings: TrainingSettings, share: float, seconds: float
) -> float:
    """Return what a step takes at a share of the budget, over at least LEAST_STEPS of them and some seconds."""
    take_step(state, feed, settings, share)
    _wait_for(feed.device)
    started, steps = time.perf_counter(), 0
    while steps < LEAST_STEPS or time.perf_counter() - started < seconds:
        for _ in range(state.objective.period):
            take_step(state, feed, settings, share)
            steps += 1
        _wait_for(feed.device)
    return (time.perf_counter() - started) / steps


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
