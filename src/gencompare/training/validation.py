"""Validation: how good the averaged weights are at a few points of the budget, and the best of them.

What is measured comes from outside, for training knows no scores. What it costs is kept apart from training.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gencompare.training.checkpoint import Tensors
from gencompare.training.state import TrainingState

Validate = Callable[[Mapping[str, Tensor]], float]
"""From averaged weights, keyed `<network>.<name>`, to a distance: the lower, the better."""

COLUMN = "validation_fd"
"""The history's column, empty in rows without a validation."""


def points(row_ends: np.ndarray, count: int) -> frozenset[int]:
    """Choose the history rows after which to validate: evenly spaced, the last row among them.

    Args:
        row_ends: int (rows,), the step at which each row ends.
        count: how many to choose, all rows where there are not as many.
    """
    chosen = np.arange(1, count + 1) * len(row_ends) / max(count, 1)
    return frozenset(row_ends[np.ceil(chosen).astype(int) - 1].tolist())


def measure(
    state: TrainingState, weights: Tensors, validate: Validate, kimg: float, device: torch.device
) -> dict[str, float]:
    """Validate the weights, keep them if they are the best so far, and return what the history row gains.

    Torch's random generators are left as they were, whatever `validate` draws.
    """
    started = time.perf_counter()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        value = validate(weights)
    state.validation_seconds += time.perf_counter() - started
    if all(value < point[COLUMN] for point in state.validations):
        state.best = weights
    spent = {"kimg": kimg, "train_seconds": state.seconds, "train_flops": state.flops}
    state.validations.append(spent | {COLUMN: value})
    return {COLUMN: value}


def summary(validations: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Return what a training's validations say, JSON-ready: the best, the last and all; empty where there were none."""
    if not validations:
        return {}
    best = min(validations, key=lambda point: point[COLUMN])
    return {
        "best_kimg": best["kimg"],
        "best_validation_fd": best[COLUMN],
        "last_validation_fd": validations[-1][COLUMN],
        "validations": [dict(point) for point in validations],
    }
