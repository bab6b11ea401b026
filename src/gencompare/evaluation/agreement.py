"""Class-conditional agreement: whether samples asked to be of a class look like it."""

from __future__ import annotations

import numpy as np


def agrees(samples: np.ndarray, asked: np.ndarray, train: np.ndarray, train_labels: np.ndarray) -> np.ndarray:
    """Whether a linear classifier of real training images finds each sample in the class asked for.

    The classifier is ridge regression on one-hot classes, its penalty as heavy as the features are many.

    Args:
        samples: (N, D) features.
        asked: int64 (N,), the classes that were asked for.
        train: (M, D) features of real images.
        train_labels: int64 (M,).

    Returns:
        bool (N,).

    Source: Ravuri and Vinyals, "Classification accuracy score" (2019), turned round: trained on real images,
        tested on samples.
    """
    from sklearn.linear_model import RidgeClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classifier = make_pipeline(StandardScaler(), RidgeClassifier(alpha=float(train.shape[1])))
    classifier.fit(train.astype(np.float64), train_labels)
    found: np.ndarray = classifier.predict(samples.astype(np.float64)) == asked
    return found
