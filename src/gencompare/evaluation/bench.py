"""What sample sets of one image set are measured on, and how a measurement becomes scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gencompare.evaluation.extractors import Extractor
from gencompare.evaluation.features import features, make_extractor
from gencompare.evaluation.kinds import KINDS, Kind
from gencompare.evaluation.passport import passport, short
from gencompare.evaluation.resampling import NORMAL_95, Statistic, deviation, subsets
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.imagesets.arrays import Images, ImageSplits

Scores = dict[str, dict[str, Any]]

DIGITS = 6  # a score's further digits differ between processors


@dataclass(frozen=True)
class Bench:
    """What every sample set of one comparison is measured on.

    Attributes:
        splits: the image set.
        settings: how to score.
        cache: folder for features.
        n: how many images are compared.
    """

    splits: ImageSplits
    settings: EvaluationSettings
    cache: Path
    n: int

    @property
    def extractor(self) -> Extractor:
        """The network whose features are compared."""
        return make_extractor(self.settings.extractor, self.settings.weights)

    def drawn(self, split: str) -> Images:
        """Draw n real images of a split at random without replacement, in their order."""
        images: Images = getattr(self.splits, split)
        chosen = np.sort(np.random.default_rng(self.settings.seed).permutation(len(images))[: self.n])
        return rows(images, chosen)

    def features(self, images: Images) -> np.ndarray:
        """Features of images, extracted once."""
        return features(images.images, self.extractor, self.settings, self.cache)

    def passport(self, measured_by: Mapping[str, Any], n: int, split: str) -> dict[str, Any]:
        """Make the passport of a score taken here against a split."""
        return passport(measured_by, n, self.splits, split, self.settings)


@dataclass(frozen=True)
class Measurement:
    """Numbers about one sample set, as functions of which samples they are taken over.

    Attributes:
        statistic: gives, for each kind of KINDS, one number a subset.
        measured_by: what the numbers depend on beside the samples and the image set, for the passport.
        split: the real images that samples are held against.
        suffix: what follows the kind in a score's name, before n; none leaves n out, too.
        n: how many samples it is taken over.
    """

    statistic: Statistic
    measured_by: Mapping[str, Any]
    split: str
    suffix: str
    n: int

    def scores(self, bench: Bench) -> Scores:
        """Take the numbers over all samples, and over halves of them for their intervals."""
        name = f"_{self.suffix}_{short(self.n)}" if self.suffix else ""
        stamp = bench.passport(self.measured_by, self.n, self.split)
        over = subsets(self.n, bench.settings.bootstrap, bench.settings.seed)
        return {
            f"{kind}{name}": _numbers(values, KINDS[kind])
            | {
                "kind": kind,
                "better": KINDS[kind].better,
                "measures": KINDS[kind].measures,
                "passport": stamp,
            }
            for kind, values in self.statistic(over).items()
        }


def rows(images: Images, chosen: np.ndarray | slice) -> Images:
    """Return chosen images with their labels, read into memory."""
    labels = None if images.labels is None else images.labels[chosen]
    return Images(np.asarray(images.images[chosen]), labels)


def _numbers(values: np.ndarray, kind: Kind) -> dict[str, Any]:
    """Value, 95% interval and standard error, from the value over all samples and those over halves."""
    value, error = float(values[0]), deviation(values)
    numbers = {
        "value": value,
        "low": max(value - NORMAL_95 * error, kind.least),
        "high": min(value + NORMAL_95 * error, kind.most),
        "standard_error": error,
    }
    return {name: float(f"{number:.{DIGITS}g}") for name, number in numbers.items()}
