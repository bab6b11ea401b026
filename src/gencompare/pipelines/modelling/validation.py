"""A contender's curve: how good its averaged weights were at the points of its training where they were kept."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from gencompare.alone import alone
from gencompare.array_files import read_array
from gencompare.config.contender import Contender
from gencompare.evaluation.distances import kernel_distance
from gencompare.evaluation.features import extract, features, make_extractor
from gencompare.evaluation.resampling import NORMAL_95, deviation, subsets
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.files import read_json, read_sound, write_json, write_whole
from gencompare.imagesets.arrays import Images, drawn
from gencompare.imagesets.pictures import POINT_IMAGES
from gencompare.models.parts.diffusion import Denoiser
from gencompare.models.parts.lookup import only
from gencompare.sampling import images as sampling
from gencompare.sampling.base import Sampler
from gencompare.sampling.saved import labels_like
from gencompare.sampling.settings import Diffusion, DPMSolver, Mixture
from gencompare.source_code import PACKAGE, code_hash
from gencompare.training.settings import Device
from gencompare.training.validation import Point

FEW_EVALUATIONS, MOST_EVALUATIONS = 5, 20
REFERENCE = 1000
HALVES = 50
FITTED = 2000
"""Of the training images that a contender sees, those that its sampler is fitted to where it is fitted to some; 20 a
Gaussian where that is more."""
SEED = 20_170_626
"""Of samples and reference: none that scored samples use, so that the best weights are not those of lucky noise."""

CODE = (
    __name__,
    "gencompare.pipelines.modelling.samplers",
    *(f"gencompare.sampling.{file.stem}" for file in sorted((PACKAGE / "sampling").glob("[a-z]*.py"))),
)
"""Modules that a curve depends on beside the training's: any sampler's code may be among them, and which weights guide it."""

Make = Callable[[Contender, int, np.ndarray], Sampler]
"""From a contender's settings, which point of its training, and images to fit to, to its sampler then."""


@dataclass(frozen=True)
class Curve:
    """How good a contender was at each point of its training.

    Attributes:
        found: `passport`; `real_images` and `noise`, what these score; and `points`, each with what was spent and
            `value`, `low`, `high` and `standard_error` of its kernel distance. JSON-ready.
        samples: the first images of each point, uint8 (points, POINT_IMAGES, H, W, C).
        best: which point has the least distance, untrained weights aside where there are others.
        seconds: that measuring took.
    """

    found: Mapping[str, Any]
    samples: np.ndarray
    best: int
    seconds: float


class Validator:
    """The kernel distance between a contender's samples and a fixed draw of the training images.

    It has no bias from the number of images, so that few do, and contenders that are measured on different numbers
    compare. The held-out split stays out of it: the report scores against that, and weights chosen by it would
    flatter themselves. The extractor is the default one, whatever scores are taken with: it needs no download.

    Args:
        train: the training images.
        cache: folder for features of the training images.
        samples: images a point is measured on; a third of them where one takes more than FEW_EVALUATIONS.
        device: where the extractor runs: where the contender trains.

    Source: Bińkowski et al., "Demystifying MMD GANs" (2018), section 4.
    """

    def __init__(self, train: Images, cache: Path, samples: int, device: Device) -> None:
        self.train = train
        self.cache = cache
        self.samples = samples
        self.settings = EvaluationSettings(device=device)

    def curve(self, points: Sequence[Point], contender: Contender, make: Make, folder: Path) -> Curve:
        """Measure kept weights, or read what was measured of the same ones.

        Args:
            points: of the training, at least one.
            contender: whose.
            make: makes its sampler.
            folder: of the training.
        """
        quick = contender
        if isinstance(contender.sampler, Diffusion):
            made = make(contender, 0, self.train.images[:1])
            timesteps = only(made.networks, Denoiser, "sampler").timesteps
            quick = quickened(contender, made.nfe, timesteps)
        # Seconds tell the weights of one training from those of the same one done anew, without reading them.
        spent = [dict(point.spent) for point in points]
        facts = [self._facts(), self.samples, spent, str(quick.sampler), code_hash(frozenset(CODE))]
        key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
        file, images = folder / f"curve-{key}.json", folder / f"curve-{key}.npy"
        found, shown = read_sound(file, read_json), read_sound(images, read_array)
        if found is None or shown is None:
            started = time.perf_counter()
            components = quick.sampler.components if isinstance(quick.sampler, Mixture) else 0
            own = contender.images.of(self.train).images
            fitted_to = own[drawn(max(FITTED, 20 * components), len(own))]
            measured = [self._measure(make(quick, place, fitted_to)) for place in range(len(points))]
            found = {
                "passport": self._facts() | {"n": measured[0][1], "sampler": _words(quick, contender)},
                **self.references,
                "points": [
                    dict(point.spent) | numbers
                    for point, (_, _, numbers) in zip(points, measured, strict=True)
                ],
                "seconds": time.perf_counter() - started,
            }
            shown = np.stack([first for first, _, _ in measured])
            write_whole(images, lambda to: np.save(to, shown))
            write_json(file, found)
            found = read_json(file)
        seconds = found.pop("seconds")
        trained = [point["value"] for point in found["points"][1:]]
        best = 1 + int(np.argmin(trained)) if trained else 0
        return Curve(found, shown, best, seconds)

    @cached_property
    def references(self) -> dict[str, float]:
        """What training images that are not of the reference, and uniform noise, get."""
        shape = (self.samples, *self.train.images.shape[1:])
        noise = np.random.default_rng(SEED).integers(0, 256, shape, np.uint8)
        real = np.asarray(self.train.images[self._drawn[1]])
        return {
            "real_images": self._between(self._kept(real))["value"],
            "noise": self._between(self._kept(noise))["value"],
        }

    def distance(self, images: np.ndarray) -> dict[str, float]:
        """Return images' distance to the reference, its 95% interval and its standard error."""
        return self._between(extract(images, make_extractor(self.settings.extractor), self.settings))

    def _between(self, found: np.ndarray) -> dict[str, float]:
        """Return the distance of features, float32 (N, D), to the reference's."""
        halves = subsets(len(found), HALVES, SEED)
        values = kernel_distance(found, self._reference, halves)
        value, error = float(values[0]), deviation(values)
        half = NORMAL_95 * error
        numbers = {"value": value, "low": value - half, "high": value + half, "standard_error": error}
        return {name: float(f"{number:.6g}") for name, number in numbers.items()}

    def _measure(self, sampler: Sampler) -> tuple[np.ndarray, int, dict[str, float]]:
        """Return the first samples, how many there were, and their distance."""
        n = self.samples if sampler.nfe <= FEW_EVALUATIONS else -(-self.samples // 3)
        labels = labels_like(self.train, n) if sampler.classes else None
        images = sampling.sample(sampler, n, labels, SEED)
        return images[:POINT_IMAGES], n, self.distance(images)

    @cached_property
    def _drawn(self) -> tuple[np.ndarray, np.ndarray]:
        """Indices of the reference, and of other training images to hold against it."""
        order = np.random.default_rng(SEED).permutation(len(self.train))
        first = min(REFERENCE, len(order) * 4 // 5)
        return np.sort(order[:first]), np.sort(order[first : first + self.samples])

    @cached_property
    def _reference(self) -> np.ndarray:
        """Features of the reference, float32 (at most REFERENCE, D)."""
        return self._kept(np.asarray(self.train.images[self._drawn[0]]))

    def _kept(self, images: np.ndarray) -> np.ndarray:
        """Features that every contender's curve needs: extracted once, by whoever comes first."""
        self.cache.mkdir(parents=True, exist_ok=True)
        shared = "features of the training images are being extracted elsewhere; waiting, to share them"
        with alone(self.cache / ".reference.lock", shared):
            return features(images, make_extractor(self.settings.extractor), self.settings, self.cache)

    def _facts(self) -> dict[str, Any]:
        """Say what distances depend on beside the weights."""
        return {
            "measures": "kernel distance, unbiased",
            **make_extractor(self.settings.extractor).passport(),
            "reference": f"{len(self._drawn[0])} training images",
            "seed": SEED,
        }


def quickened(contender: Contender, nfe: int, timesteps: int) -> Contender:
    """Give a diffusion model whose sampler takes long one that gets as far in MOST_EVALUATIONS: DPM-Solver++.

    Args:
        contender: with a sampler of diffusion models.
        nfe: network evaluations of its own sampler per image.
        timesteps: of its model, the most that it can be sampled in.
    """
    slow = contender.sampler
    if nfe <= MOST_EVALUATIONS:
        return contender
    solver = DPMSolver(
        steps=min(MOST_EVALUATIONS // slow.evaluations, timesteps),
        clip_x0=slow.clip_x0,
        guidance_scale=slow.guidance_scale,
        autoguidance=slow.autoguidance,
        earlier=slow.earlier,
    )
    return dataclasses.replace(contender, sampler=solver)


def _words(quick: Contender, contender: Contender) -> str:
    if quick is contender:
        return "the contender's own"
    return f"DPM-Solver++ of {quick.sampler.steps} steps in place of {type(contender.sampler).__name__} of {contender.sampler.steps}"
