"""Every kind of score: what it is called, what it says, which way is better, and where it must lie."""

from __future__ import annotations

import math
from typing import NamedTuple


class Kind(NamedTuple):
    """One kind of score.

    Attributes:
        better: `lower` or `higher`.
        measures: `quality`, `fidelity`, `diversity` or `memorisation`.
        title, meaning: what it is called, and what it says.
        least, most: the values between which it must lie.
    """

    better: str
    measures: str
    title: str
    meaning: str
    least: float = 0.0
    most: float = 1.0


KINDS = {
    "fid": Kind(
        "lower",
        "quality",
        "FID",
        "Fréchet distance between Inception features of samples and of real images",
        most=math.inf,
    ),
    "fd": Kind(
        "lower",
        "quality",
        "Fréchet distance",
        "Distance between the features of samples and of real images, taken as two Gaussians",
        most=math.inf,
    ),
    "fid_inf": Kind(
        "lower",
        "quality",
        "FID at n = ∞",
        "FID extrapolated to endlessly many samples (arXiv:1911.07023)",
        least=-math.inf,
        most=math.inf,
    ),
    "fd_inf": Kind(
        "lower",
        "quality",
        "Fréchet distance at n = ∞",
        "Fréchet distance extrapolated to endlessly many samples (arXiv:1911.07023)",
        least=-math.inf,
        most=math.inf,
    ),
    "kid": Kind(
        "lower",
        "quality",
        "Kernel distance",
        "Unbiased distance between the features of samples and of real images",
        least=-math.inf,
        most=math.inf,
    ),
    "is": Kind(
        "higher",
        "quality",
        "Inception score",
        "How sure and how varied a classifier finds samples; it never looks at real images",
        least=1.0,
        most=math.inf,
    ),
    "precision": Kind(
        "higher", "fidelity", "Precision", "Share of samples that lie among real images, by their features"
    ),
    "density": Kind(
        "higher",
        "fidelity",
        "Density",
        "How many real images a sample lies near to, against the number expected; may exceed 1",
        most=math.inf,
    ),
    "recall": Kind(
        "higher", "diversity", "Recall", "Share of real images that lie among samples, by their features"
    ),
    "coverage": Kind(
        "higher",
        "diversity",
        "Coverage",
        "Share of real images that have a sample near them, by their features",
    ),
    "memorised": Kind(
        "lower",
        "memorisation",
        "Memorised",
        "Share of samples that stand out as near to one training image, as few real images do",
    ),
    "class_agreement": Kind(
        "higher",
        "fidelity",
        "Class agreement",
        "Share of samples that look like the class they were asked to be of",
    ),
    "squares_valid": Kind("higher", "fidelity", "Valid squares", "Share of samples that one square fits"),
    "squares_coverage": Kind(
        "higher",
        "diversity",
        "Factors covered",
        "Share of the bins of colour, place, size and angle that samples reach",
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
