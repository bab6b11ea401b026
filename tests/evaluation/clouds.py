"""Correlated features whose spectrum falls, as that of real ones does."""

from __future__ import annotations

import numpy as np


def cloud(n: int, d: int, seed: int, shift: float = 0.0) -> np.ndarray:
    """Draw float32 (n, d) from a Gaussian that depends on d only, moved by `shift` in every direction."""
    mixing = np.random.default_rng(99).normal(size=(d, d)) / np.sqrt(np.arange(1, d + 1))[:, None]
    return (np.random.default_rng(seed).normal(size=(n, d)) @ mixing + shift).astype(np.float32)


def exact_cloud(mean: np.ndarray, covariance: np.ndarray, seed: int) -> np.ndarray:
    """Points whose own mean and covariance are these: float64 (3 D, D)."""
    raw = np.random.default_rng(seed).normal(size=(3 * len(mean), len(mean)))
    white = np.linalg.qr(raw - raw.mean(axis=0))[0] * np.sqrt(len(raw) - 1)
    values, vectors = np.linalg.eigh(covariance)
    return mean + white @ (vectors * np.sqrt(values.clip(0))).T
