"""What sample sets of one image set are measured on, and how a measurement becomes scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import hypot
from pathlib import Path
from typing import Any

import numpy as np

from gencompare.evaluation.extractors import Extractor
from gencompare.evaluation.features import features, learnt_extractor, make_extractor
from gencompare.evaluation.kinds import KINDS, Kind
from gencompare.evaluation.passport import passport, short
from gencompare.evaluation.resampling import NORMAL_95, Statistic, deviation, rare_interval, subsets
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

    @cached_property
    def extractor(self) -> Extractor:
        """The network whose features are compared."""
        return make_extractor(self.settings.extractor, self.settings.weights)

    @cached_property
    def extractors(self) -> tuple[Extractor, ...]:
        """All networks whose features are compared: the chosen one, and the one learnt from the image set."""
        if self.settings.second_extractor == "none":
            return (self.extractor,)
        return self.extractor, learnt_extractor(self.splits, self.cache)

    def drawn(self, split: str) -> Images:
        """Draw n real images of a split at random without replacement, one a source photo, in their order."""
        images: Images = getattr(self.splits, split)
        order = np.random.default_rng(self.settings.seed).permutation(len(images))
        first = first_of_each(sources(images)[order])
        return rows(images, np.sort(order[first][: self.n]))

    def features(self, images: Images, extractor: Extractor | None = None) -> np.ndarray:
        """Features of images, extracted once; of the chosen extractor where none is named."""
        return features(images.images, extractor or self.extractor, self.settings, self.cache)

    def passport(self, measured_by: Mapping[str, Any], n: int, split: str) -> dict[str, Any]:
        """Make the passport of a score taken here against a split."""
        photos = len(np.unique(sources(getattr(self.splits, split))))
        return passport(measured_by, n, self.splits, split, photos, self.settings)


@dataclass(frozen=True)
class Measurement:
    """Numbers about one sample set, as functions of which samples they are taken over.

    Attributes:
        statistic: gives, for each kind of KINDS, one number a subset.
        measured_by: what the numbers depend on beside the samples and the image set, for the passport.
        split: the real images that samples are held against.
        suffix: what follows the kind in a score's name, before n; none leaves n out, too.
        n: how many samples it is taken over, and how many real images they are held against.
        distinct: how many different samples there are among the n.
        common: gives, for those kinds of which that is known, one number a subset of the real images: how they were drawn
            is chance, too, and the same one for every sample set.
        biased: kinds that n is too small for: shown, but not to be headlined.
    """

    statistic: Statistic
    measured_by: Mapping[str, Any]
    split: str
    suffix: str
    n: int
    distinct: int
    biased: tuple[str, ...] = ()
    common: Statistic = field(default=lambda over: {})

    def scores(self, bench: Bench) -> Scores:
        """Take the numbers over all samples, and over halves of them and of the real images for their intervals."""
        name = f"_{self.suffix}_{short(self.n)}" if self.suffix else ""
        stamp = bench.passport(self.measured_by, self.n, self.split)
        over = subsets(self.n, bench.settings.bootstrap, bench.settings.seed)
        common = {kind: deviation(values) for kind, values in self.common(over).items()}
        return {
            f"{kind}{name}": _numbers(values, KINDS[kind], self.distinct, common.get(kind, 0.0))
            | {
                "kind": kind,
                "biased": kind in self.biased,
                "better": KINDS[kind].better,
                "measures": KINDS[kind].measures,
                "distinct": self.distinct,
                "passport": stamp,
            }
            for kind, values in self.statistic(over).items()
        }


def rows(images: Images, chosen: np.ndarray | slice) -> Images:
    """Return chosen images with their labels, read into memory."""
    labels = None if images.labels is None else images.labels[chosen]
    return Images(np.asarray(images.images[chosen]), labels)


def sources(images: Images) -> np.ndarray:
    """The source photo of each image, (N,): its own where it is not known to share one."""
    return np.asarray(images.factors.get("source", np.arange(len(images))))


def first_of_each(values: np.ndarray) -> np.ndarray:
    """Return where each value of (N,) stands first, in that order."""
    return np.sort(np.unique(values, return_index=True)[1])


def one_a_photo(images: Images, most: int) -> Images:
    """Return at most so many images, one of each source photo, in random order, always the same one: sets are often sorted
    by class."""
    photos = np.random.default_rng(0).permutation(first_of_each(sources(images)))
    return rows(images, photos[:most])


def distinct(images: np.ndarray) -> int:
    """How many different images there are."""
    return len({image.tobytes() for image in images})


def _numbers(values: np.ndarray, kind: Kind, n: int, common: float) -> dict[str, Any]:
    """Value, 95% interval and standard error, from the value over all samples and those over halves.

    The part of the error that all sample sets have in common, of the draw of the real images, is in it. Shares of few
    images have the interval of n, the different ones: copies tell nothing new.
    """
    value, error = float(values[0]), hypot(deviation(values), common)
    known = rare_interval(value, n) if kind.share else None
    low, high = known or (value - NORMAL_95 * error, value + NORMAL_95 * error)
    numbers = {
        "value": value,
        "low": max(low, kind.least),
        "high": min(high, kind.most),
        "standard_error": error,
        "common_error": common,
    }
    return {name: float(f"{number:.{DIGITS}g}") for name, number in numbers.items()}
