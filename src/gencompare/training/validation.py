"""What is kept for validation: the averaged weights at a few points of the budget, each in a file of its own.

Training only keeps them. Whoever knows scores and samplers measures them afterwards, so that neither costs training time
nor changes what a training is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from gencompare.files import read_sound, write_whole

FIRST = 1 / 32
"""Share of the budget at the first point, where there are several."""


@dataclass(frozen=True)
class Point:
    """One point of a training.

    Attributes:
        spent: `kimg`, `train_seconds` and `train_flops` until there.
        file: of the averaged weights, keyed `<network>.<name>`.
    """

    spent: Mapping[str, float]
    file: Path

    def weights(self) -> dict[str, Tensor]:
        """Read the weights."""
        return load_file(self.file)

    def is_kept(self) -> bool:
        """Whether the weights are there; a file that is cut short is set aside, with a line."""
        return read_sound(self.file, _names) is not None


def points(row_ends: np.ndarray, count: int) -> frozenset[int]:
    """Choose the steps after which weights are kept: the start, and history rows spaced by the budget's logarithm.

    Args:
        row_ends: int (rows,), the step at which each row ends.
        count: how many rows to choose, the last among them; fewer where two fall together; 0 keeps nothing.
    """
    if not count:
        return frozenset()
    shares = np.geomspace(FIRST, 1.0, count) if count > 1 else np.ones(1)
    rows = np.ceil(shares * len(row_ends)).astype(int) - 1
    return frozenset({0, *row_ends[rows].tolist()})


def keep(weights: Mapping[str, Tensor], folder: Path, steps: int) -> None:
    """Write the weights after a number of steps, atomically."""
    write_whole(_file(folder, steps), lambda file: file.write(save(dict(weights))))


def kept(folder: Path, spent: Sequence[Mapping[str, Any]]) -> list[Point]:
    """Find the files of points, each given by its `steps` and what had been spent."""
    return [
        Point({key: value for key, value in point.items() if key != "steps"}, _file(folder, point["steps"]))
        for point in spent
    ]


def _names(file: Path) -> list[str]:
    """Return the names of the tensors of a file, which is refused where it is cut short."""
    with safe_open(file, "pt") as tensors:
        return list(tensors.keys())


def _file(folder: Path, steps: int) -> Path:
    return folder / f"point-{steps:09d}.safetensors"
