"""Passports: what makes two scores comparable, and what differs where they are not."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from gencompare.config.typed import flatten
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.imagesets.arrays import ImageSplits

LIBRARIES = ("gencompare", "numpy", "scipy", "torch")

RULES = 2
"""By which rules scores are taken and judged: raised with every change that gives the same samples another score, interval or
verdict, so that what was published before can be told."""


class PassportMismatch(ValueError):
    """Two scores that must not stand in one column. Its message is one line that names the difference."""


def passport(
    measured_by: Mapping[str, Any],
    n: int,
    splits: ImageSplits,
    split: str,
    distinct: int,
    settings: EvaluationSettings,
) -> dict[str, Any]:
    """Make the passport of a score: JSON-ready, the same for every score it may be compared with.

    Args:
        measured_by: the extractor and its weights' hash, resizer and the like, or another way of measuring.
        n: how many samples were compared with how many real images.
        splits: the image set the score refers to.
        split: which of its splits samples are held against.
        distinct: how many different photos the split's images were made from; at most so many count.
        settings: how it was scored.
    """
    return {
        "measured_by": dict(measured_by),
        "n": n,
        "reference": {
            "image_set": splits.card["name"],
            "split": split,
            "sha256": splits.card["sha256"][split],
            "distinct": distinct,
            "resolution": splits.card["resolution"],
            "channels": splits.card["channels"],
        },
        "nearest_k": settings.nearest_k,
        "bootstrap": settings.bootstrap,
        "seed": settings.seed,
        "versions": {library: version(library) for library in LIBRARIES},
    }


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return what differs between two nested mappings, sorted: its dotted name, and both values."""
    left, right = flatten(one), flatten(other)
    pairs = (
        (key, left.get(key, "not given"), right.get(key, "not given")) for key in left.keys() | right.keys()
    )
    return sorted((pair for pair in pairs if pair[1] != pair[2]), key=lambda pair: pair[0])


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Name what differs between two passports, such as `n is 1000 and 500`; empty where nothing does."""
    return [f"{key} is {ours} and {theirs}" for key, ours, theirs in differing(one, other)]


def short(n: int) -> str:
    """Write a count for a score's name: 1000 is `1k`, 50000 is `50k`, 1500 is `1500`."""
    return f"{n // 1000}k" if n >= 1000 and n % 1000 == 0 else str(n)
