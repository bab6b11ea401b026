"""What a contender is validated by while it trains: one number about a few of its images."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

from gencompare.evaluation.distances import frechet
from gencompare.evaluation.features import extract, features, make_extractor
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.imagesets.arrays import Images
from gencompare.sampling import images as sampling
from gencompare.sampling.base import Sampler

SAMPLES = 256
REFERENCE = 1000
SEED = 20_170_626
"""Of samples and reference: none that scored samples use, so that the best weights are not those of lucky noise."""


class Validator:
    """The Fréchet distance between a contender's samples and a fixed draw of the training images.

    The held-out split stays out of it: the report scores against that, and weights chosen by it would flatter
    themselves. The extractor is the default one, whatever scores are taken with: it needs no download.

    Args:
        train: the training images.
        cache: folder for features of the training images.
    """

    def __init__(self, train: Images, cache: Path) -> None:
        self.train = train
        self.cache = cache
        self.settings = EvaluationSettings()

    @property
    def protocol(self) -> str:
        """Say what the distance is: comparable with others of the same image set, and with no score."""
        real = min(REFERENCE, len(self.train))
        return f"fd_{self.settings.extractor}, {SAMPLES} samples against {real} training images"

    def distance(self, contender: Sampler) -> float:
        """Return the distance, 0 or more; the lower, the better."""
        labels = labels_like(self.train, SAMPLES) if contender.classes else None
        images = sampling.sample(contender, SAMPLES, labels, SEED)
        found = extract(images, make_extractor(self.settings.extractor), self.settings)
        return float(frechet(found, self._reference, [np.arange(SAMPLES)])[0])

    @cached_property
    def _reference(self) -> np.ndarray:
        """Features of the reference, float32 (at most REFERENCE, D)."""
        chosen = np.sort(np.random.default_rng(SEED).permutation(len(self.train))[:REFERENCE])
        images = np.asarray(self.train.images[chosen])
        return features(images, make_extractor(self.settings.extractor), self.settings, self.cache)


def labels_like(images: Images, n: int) -> np.ndarray | None:
    """Return n labels in the proportions of real images: theirs, in their order, over and over."""
    return None if images.labels is None else np.resize(images.labels, n)
