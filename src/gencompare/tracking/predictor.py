"""What MLflow loads: a trained contender that answers requests for images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gencompare.config.typed import SettingError
from gencompare.sampling import saved

SEEDS = 2**32
"""Those to ask for are below it, as the explorer's are: a table that makes floats of them changes none."""


class Predictor:
    """A trained contender behind MLflow's `predict`."""

    def __init__(self, trained: saved.Trained) -> None:
        self.trained = trained

    def predict(self, requests: pd.DataFrame) -> np.ndarray:
        """Make the images of every request, one after another: uint8 (N, H, W, C).

        Args:
            requests: one row each: `n`, how many; where given, `seed` below SEEDS (the training's own otherwise,
                which makes the scored samples) and `labels`, a list of classes' numbers that are taken in turn.

        Raises:
            SettingError: for a request that cannot be answered.
        """
        self.trained.check_room(int(requests["n"].sum()))
        return np.concatenate(
            [
                self._answer(**{str(key): value for key, value in row.items()})
                for row in requests.to_dict("records")
            ]
        )

    def _answer(self, n: int, seed: float | None = None, labels: Any = None) -> np.ndarray:
        if n < 1:
            raise SettingError(f"n={n!r}: must be a whole number above 0")
        if seed is None or pd.isna(seed):
            seed = self.trained.settings["seed"]
        elif not 0 <= seed < SEEDS:
            raise SettingError(f"seed={seed!r}: must be from 0 to {SEEDS - 1}")
        classes = [int(label) for label in labels] if isinstance(labels, (list, np.ndarray)) else None
        return self.trained.sample(n, self.trained.labels(classes, n), int(seed))


def _load_pyfunc(folder: str) -> Predictor:
    """Make it of a model's data; MLflow asks for this name."""
    return Predictor(saved.read(lambda name: Path(folder) / name.replace(saved.BEST, saved.WEIGHTS)))
