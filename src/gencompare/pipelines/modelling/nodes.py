"""Nodes of one contender's way from prepared images to scores."""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd
from PIL.Image import Image
from torch import Tensor

from gencompare import evaluation
from gencompare.config import contender as config
from gencompare.config.typed import build
from gencompare.evaluation import EvaluationSettings
from gencompare.imagesets.arrays import Images, ImageSplits
from gencompare.models.parts.shape import ImageShape
from gencompare.models.parts.weights import Weights
from gencompare.pipelines.modelling.validation import Validator, labels_like
from gencompare.reporting.figures import image_grid, strips
from gencompare.sampling.base import Sampler, load
from gencompare.sampling.images import interpolate, interpolate_real, reconstruct, sample, trajectory
from gencompare.training import checkpoint, loop
from gencompare.training.apart import apart
from gencompare.training.device import pick_device
from gencompare.training.health import judge

_alone: defaultdict[str, Lock] = defaultdict(Lock)

GRID_IMAGES = 64
STRIP_ROWS, STRIP_FRAMES = 6, 10
RECONSTRUCTED = 64


def train_contender(
    prepared: ImageSplits,
    settings: dict[str, Any],
    checkpoints: Path,
    trained_models: Path,
    feature_cache: Path,
) -> tuple[Weights, Weights, Weights, pd.DataFrame, dict[str, Any]]:
    """Train on the train split; return last, best and earlier stages' weights, history, and cost and health.

    A training that another contender or comparison has been through to its end is not repeated. The best weights
    are chosen by samples against training images, never by the held-out split: that is the report's.
    """
    fingerprint = checkpoint.fingerprint(_facts(prepared, settings))
    with _alone[fingerprint]:  # beside its equal, a training waits for it
        trained, validated_by = apart(
            _train, prepared, settings, fingerprint, checkpoints, trained_models, feature_cache
        )
    health = judge(trained.history, trained.status)
    verdict = {"status": trained.status, "health": health.verdict, "evidence": " ".join(health.evidence)}
    if "validations" in trained.cost:
        verdict["validated_by"] = validated_by
    stages = {f"{steps}/{key}": value for steps, own in trained.stages.items() for key, value in own.items()}
    return trained.weights, trained.best, stages, trained.history, trained.cost | verdict


def _train(
    prepared: ImageSplits,
    settings: dict[str, Any],
    fingerprint: str,
    checkpoints: Path,
    trained_models: Path,
    feature_cache: Path,
) -> tuple[loop.Trained, str]:
    """Train, and say by what validations were measured."""
    contender = config.make_contender(settings)
    validator = Validator(prepared.train, feature_cache)
    shape = _shape(prepared)
    contender.model.check(shape)
    trained = loop.train(
        lambda: contender.objective.objective(contender.model.networks(shape)),
        contender.images.of(prepared.train),
        contender.training,
        contender=contender.name,
        seed=contender.seed,
        fingerprint=fingerprint,
        checkpoints=checkpoints,
        elsewhere=sorted(trained_models.glob("*/*/*/checkpoints")),
        validate=lambda weights: validator.distance(_trained(weights, prepared, settings)),
    )
    return trained, validator.protocol


def _facts(prepared: ImageSplits, settings: dict[str, Any]) -> dict[str, Any]:
    """What decides a training's result: contenders that differ in their sampler only are trained once.

    Unless they are validated, for then the sampler decides which weights are the best. Which weights make the
    samples is chosen afterwards.
    """
    training = {name: value for name, value in settings["training"].items() if name != "sample_from"}
    parts = ("model", "objective", "images", "seed", *(["sampler"] if training.get("validations") else []))
    facts = {part: settings.get(part) for part in parts}
    return facts | {"training": training, "content": prepared.card["sha256"]}


def make_samples(
    weights: Weights,
    best_weights: Weights,
    stage_weights: Weights,
    prepared: ImageSplits,
    settings: dict[str, Any],
    evaluation_settings: dict[str, Any],
) -> tuple[Images, Image, Image, Image, Image, Image, dict[str, Any]]:
    """Make the samples that are scored, from the last or the best weights, pictures, and what one image costs."""
    n = build(EvaluationSettings, evaluation_settings, "evaluation").samples
    best = config.make_contender(settings).training.sample_from == "best"
    contender = _trained(best_weights if best else weights, prepared, settings)
    seed = settings["seed"]
    labels = labels_like(prepared.heldout, n) if contender.classes else None
    started = time.perf_counter()
    images = sample(contender, n, labels, seed)
    seconds = time.perf_counter() - started
    shown = Images(images, labels)
    reconstructions, error = _reconstructions(contender, prepared.heldout)
    earlier = [_trained(stage, prepared, settings) for stage in _by_stage(stage_weights)]
    return (
        shown,
        image_grid(images[:GRID_IMAGES]),
        strips(interpolate(contender, STRIP_ROWS, STRIP_FRAMES, seed)),
        strips(trajectory(contender, STRIP_ROWS, STRIP_FRAMES, seed)),
        strips(reconstructions),
        strips(_growth(earlier, shown, seed)),
        {"nfe": contender.nfe, "seconds_per_image": seconds / n} | error,
    )


def score_samples(
    samples: Images,
    prepared: ImageSplits,
    reference: dict[str, Any],
    evaluation_settings: dict[str, Any],
    feature_cache: Path,
) -> dict[str, Any]:
    """Score saved samples against the held-out split."""
    chosen = build(EvaluationSettings, evaluation_settings, "evaluation")
    return evaluation.score(samples, prepared, reference, chosen, feature_cache)


def _shape(prepared: ImageSplits) -> ImageShape:
    card = prepared.card
    return ImageShape(card["channels"], card["resolution"], len(card["classes"]))


def _trained(weights: Weights, prepared: ImageSplits, settings: dict[str, Any]) -> Sampler:
    contender = config.make_contender(settings)
    return load(
        contender.model,
        contender.sampler,
        weights,
        _shape(prepared),
        images=prepared.train.images,
        device=pick_device(contender.training.device),
    )


def _reconstructions(contender: Sampler, heldout: Images) -> tuple[np.ndarray, dict[str, float]]:
    """Real images, what the contender makes of them, and its walks from one to another: (rows, frames, H, W, C).

    Beside them `reconstruction_error`: the mean squared error over RECONSTRUCTED real images, of pixels in
    [0, 1]. Of a contender that cannot lead images back to noise there is neither, only the real images.
    """
    real = np.asarray(heldout.images[: max(RECONSTRUCTED, STRIP_FRAMES)])
    labels = heldout.labels[: len(real)] if contender.classes and heldout.labels is not None else None
    first = np.resize(real, (STRIP_FRAMES, *real.shape[1:]))[None]
    if not contender.inverts:
        return first, {}
    again = reconstruct(contender, real, labels)
    error = float(np.square((again.astype(np.float64) - real) / 255.0).mean())
    pairs = min(STRIP_ROWS - 2, len(real) // 2)
    walks = interpolate_real(
        contender,
        real[:pairs],
        real[pairs : 2 * pairs],
        STRIP_FRAMES,
        labels=None if labels is None else labels[:pairs],
    )
    return np.concatenate([first, np.resize(again, first.shape), walks]), {"reconstruction_error": error}


def _by_stage(weights: Weights) -> list[dict[str, Tensor]]:
    """Part weights keyed `<steps>/<network>.<name>` by stage, in the order of training."""
    stages: dict[int, dict[str, Tensor]] = {}
    for key, value in weights.items():
        steps, name = key.split("/", 1)
        stages.setdefault(int(steps), {})[name] = value
    return [stages[steps] for steps in sorted(stages)]


def _growth(earlier: list[Sampler], samples: Images, seed: int) -> np.ndarray:
    """The first samples as each earlier stage made them, and themselves: uint8 (rows, stages, H, W, C)."""
    last = samples.images[:STRIP_ROWS]
    labels = None if samples.labels is None else samples.labels[: len(last)]
    return np.stack([*(sample(stage, len(last), labels, seed) for stage in earlier), last], axis=1)
