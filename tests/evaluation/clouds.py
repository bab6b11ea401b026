"""Correlated features whose spectrum falls, as that of real ones does."""

from __future__ import annotations

import numpy as np


def cloud(n: int, d: int, seed: int, shift: float = 0.0) -> np.ndarray:
    """Draw float32 (n, d) from a Gaussian that depends on d only, moved by `shift` in every direction."""
    mixing = np.random.default_rng(99).normal(size=(d, d)) / np.sqrt(np.arange(1, d + 1))[:, None]
    return (np.random.default_rng(seed).normal(size=(n, d)) @ mixing + shift).astype(np.float32)
