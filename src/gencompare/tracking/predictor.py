"""What MLflow loads: a trained contender that answers requests for images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gencompare.config.typed import SettingError
from gencompare.sampling import saved


class Predictor:
    """A trained contender behind MLflow's `predict`."""

    def __init__(self, trained: saved.Trained) -> None:
        self.trained = trained

    def predict(self, requests: pd.DataFrame) -> np.ndarray:
        """Make the images of every request, one after another: uint8 (N, H, W, C).

        Args:
            requests: one row each: `n`, how many; where given, `seed` (the training's own otherwise, which makes the
                scored samples) and `labels`, a list of classes' numbers that are taken in turn.

        Raises:
            SettingError: for a request that cannot be answered.
        """
        return np.concatenate(
            [
                self._answer(**{str(key): value for key, value in row.items()})
                for row in requests.to_dict("records")
            ]
        )

    def _answer(self, n: int, seed: float | None = None, labels: Any = None) -> np.ndarray:
        if n < 1:
            raise SettingError(f"n={n!r}: must be a whole number above 0")
        wanted = self.trained.settings["seed"] if seed is None or pd.isna(seed) else int(seed)
        classes = [int(label) for label in labels] if isinstance(labels, (list, np.ndarray)) else None
        return self.trained.sample(n, self.trained.labels(classes, n), wanted)


def _load_pyfunc(folder: str) -> Predictor:
    """Make it of a model's data; MLflow asks for this name."""
    return Predictor(saved.read(lambda name: Path(folder) / name.replace(saved.BEST, saved.WEIGHTS)))
