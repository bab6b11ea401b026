"""Every kind of score: what it is called, what it says, which way is better, and where it must lie."""

from __future__ import annotations

from math import inf
from typing import NamedTuple


class Kind(NamedTuple):
    """One kind of score.

    Attributes:
        better: `lower` or `higher`.
        measures: `quality`, `fidelity`, `diversity`, `memorisation` or `reconstruction`.
        title, meaning: what it is called, and what it says.
        least, most: the values between which it must lie.
        share: whether it is a share of n images, so that near 0 and 1 its interval is Wilson's.
        only_worse: whether contenders are ranked by it only where they are surely worse than real images.
    """

    better: str
    measures: str
    title: str
    meaning: str
    least: float = 0.0
    most: float = 1.0
    share: bool = False
    only_worse: bool = False


KINDS = {
    "fid": Kind(
        "lower", "quality", "FID", "Fréchet distance of samples and real images, Inception features", most=inf
    ),
    "fd": Kind(
        "lower", "quality", "Fréchet distance", "Distance between Gaussians fitted to the features", most=inf
    ),
    "fid_inf": Kind(
        "lower", "quality", "FID at n = ∞", "Extrapolated FID (arXiv:1911.07023)", least=-inf, most=inf
    ),
    "fd_inf": Kind(
        "lower",
        "quality",
        "Fréchet distance at n = ∞",
        "Fréchet distance extrapolated to infinitely many samples (arXiv:1911.07023)",
        least=-inf,
        most=inf,
    ),
    "kid": Kind(
        "lower", "quality", "Kernel distance", "Unbiased distance between the features", least=-inf, most=inf
    ),
    "kid_learnt": Kind(
        "lower",
        "quality",
        "Kernel distance, own features",
        "Unbiased distance between features learnt from this image set alone",
        least=-inf,
        most=inf,
    ),
    "fd_learnt": Kind(
        "lower",
        "quality",
        "Fréchet distance, own features",
        "Distance between Gaussians fitted to features learnt from this image set alone",
        most=inf,
    ),
    "is": Kind(
        "higher",
        "quality",
        "Inception score",
        "How sure and how varied a classifier finds samples, without real images",
        least=1.0,
        most=inf,
    ),
    "precision": Kind(
        "higher",
        "fidelity",
        "Precision",
        "Share of samples that lie among real images, by the direction of their features",
        share=True,
    ),
    "density": Kind(
        "higher",
        "fidelity",
        "Density",
        "How many real images a sample lies near, against the number expected; may exceed 1",
        most=inf,
    ),
    "recall": Kind(
        "higher",
        "diversity",
        "Recall",
        "Share of real images that lie among samples, by the direction of their features",
        share=True,
    ),
    "coverage": Kind(
        "higher",
        "diversity",
        "Coverage",
        "Share of real images with a sample near them, by the direction of their features",
        share=True,
    ),
    "memorised": Kind(
        "lower",
        "memorisation",
        "Memorised",
        "Share of samples that stand out as near to one training image",
        share=True,
        only_worse=True,
    ),
    "reconstruction_error": Kind(
        "lower",
        "reconstruction",
        "Reconstruction error",
        "Mean squared error of held-out images led to a contender's noise or code and back, pixels in [0, 1]",
    ),
    "class_agreement": Kind(
        "higher",
        "fidelity",
        "Class agreement",
        "Share of samples that look like the class asked for",
        share=True,
    ),
    "squares_valid": Kind(
        "higher", "fidelity", "Valid squares", "Share of samples that one square fits", share=True
    ),
    "squares_coverage": Kind(
        "higher", "diversity", "Factors covered", "Share of bins of colour, place, size and angle reached"
    ),
} | {
    f"squares_{factor}_distance": Kind(
        "lower",
        "diversity",
        f"{word.capitalize()} distance",
        f"Distance between the {word}s of valid squares and the generator's",
    )
    for factor, word in (("colour", "colour"), ("side", "size"), ("angle", "angle"), ("place", "place"))
}


def title(kind: str) -> str:
    """Return what a kind of score is called; its name where an earlier version knew it and this one does not."""
    return KINDS[kind].title if kind in KINDS else kind
