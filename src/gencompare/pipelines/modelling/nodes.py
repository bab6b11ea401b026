"""Nodes of one contender's way from prepared images to scores."""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path
from threading import Lock
from typing import Any

import pandas as pd
from PIL.Image import Image
from torch import Tensor

from gencompare import sampling, training
from gencompare.config import contender as config
from gencompare.config.typed import build
from gencompare.evaluation.health import judge
from gencompare.evaluation.scoring import score
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.imagesets.arrays import Images, ImageSplits
from gencompare.imagesets.pictures import image_grid, strips
from gencompare.models.shape import ImageShape
from gencompare.models.weights import Weights
from gencompare.pipelines.modelling.pictures import FRAMES, ROWS, growth, reconstruction
from gencompare.pipelines.modelling.validation import Validator, labels_like
from gencompare.training.apart import apart
from gencompare.training.device import pick_device
from gencompare.training.validation import summary

_alone: defaultdict[str, Lock] = defaultdict(Lock)

GRID_IMAGES = 64


def train_contender(
    prepared: ImageSplits,
    settings: dict[str, Any],
    checkpoints: Path,
    trained_models: Path,
    feature_cache: Path,
) -> tuple[Weights, Weights, Weights, pd.DataFrame, dict[str, Any], dict[str, Any]]:
    """Train on the train split; return last, best and earlier stages' weights, history, outcome and cost.

    A training that another contender or comparison has been through to its end is not repeated. The best weights
    are chosen by samples against training images, never by the held-out split: that is the report's.
    """
    fingerprint = training.fingerprint(_facts(prepared, settings))
    with _alone[fingerprint]:  # beside its equal, a training waits for it
        trained, validated_by = apart(
            _train, prepared, settings, fingerprint, checkpoints, trained_models, feature_cache
        )
    stages = {f"{steps}/{key}": value for steps, own in trained.stages.items() for key, value in own.items()}
    outcome = _outcome(trained, validated_by)
    return trained.weights, trained.best, stages, trained.history, outcome, trained.cost


def _train(
    prepared: ImageSplits,
    settings: dict[str, Any],
    fingerprint: str,
    checkpoints: Path,
    trained_models: Path,
    feature_cache: Path,
) -> tuple[training.Trained, str]:
    """Train, and say by what validations were measured."""
    contender = config.make_contender(settings)
    validator = Validator(prepared.train, feature_cache)
    shape = _shape(prepared)
    contender.model.check(shape)
    trained = training.train(
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


def _outcome(trained: training.Trained, validated_by: str) -> dict[str, Any]:
    """Say how a training went, JSON-ready: how it ended, whether it was healthy, and what its validations found."""
    health = judge(trained.history, trained.status)
    outcome = {
        "status": trained.status,
        "health": health.verdict,
        "evidence": " ".join(health.evidence),
        "stages": 1 + len(trained.stages),
    }
    if trained.validations:
        outcome |= {"validated_by": validated_by} | summary(trained.validations)
    return outcome


def _facts(prepared: ImageSplits, settings: dict[str, Any]) -> dict[str, Any]:
    """What decides a training's result: contenders that differ in their sampler only are trained once.

    Unless they are validated, for then the sampler decides which weights are the best. Which weights make the
    samples is chosen afterwards.
    """
    training = {name: value for name, value in settings["training"].items() if name != "sample_from"}
    parts = ("model", "objective", "images", "seed", *(["sampler"] if training.get("validations") else []))
    facts = {part: settings.get(part) for part in parts}
    return facts | {"training": training, "content": prepared.card["sha256"]}


def sample_contender(
    weights: Weights,
    best_weights: Weights,
    prepared: ImageSplits,
    settings: dict[str, Any],
    evaluation_settings: dict[str, Any],
) -> tuple[Images, Image, dict[str, Any]]:
    """Make the samples that are scored, from the last or the best weights; say what one image costs."""
    n = build(EvaluationSettings, evaluation_settings, "evaluation").samples
    contender = _chosen(weights, best_weights, prepared, settings)
    labels = labels_like(prepared.heldout, n) if contender.classes else None
    started = time.perf_counter()
    images = sampling.sample(contender, n, labels, settings["seed"])
    cost = {"nfe": contender.nfe, "seconds_per_image": (time.perf_counter() - started) / n}
    return Images(images, labels), image_grid(images[:GRID_IMAGES]), cost


def picture_contender(
    weights: Weights,
    best_weights: Weights,
    stage_weights: Weights,
    samples: Images,
    prepared: ImageSplits,
    settings: dict[str, Any],
) -> tuple[Image, Image, Image, Image, dict[str, float]]:
    """Draw interpolations, trajectories, samples by stage, and reconstructions; return their error, too."""
    contender, seed = _chosen(weights, best_weights, prepared, settings), settings["seed"]
    earlier = [_trained(stage, prepared, settings) for stage in _by_stage(stage_weights)]
    return (
        strips(sampling.interpolate(contender, ROWS, FRAMES, seed)),
        strips(sampling.trajectory(contender, ROWS, FRAMES, seed)),
        growth(earlier, samples, seed),
        *reconstruction(contender, prepared.heldout),
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
    return score(samples, prepared, reference, chosen, feature_cache)


def _shape(prepared: ImageSplits) -> ImageShape:
    card = prepared.card
    return ImageShape(card["channels"], card["resolution"], len(card["classes"]))


def _chosen(
    weights: Weights, best_weights: Weights, prepared: ImageSplits, settings: dict[str, Any]
) -> sampling.Contender:
    """Make the contender ready with the weights that its settings choose, the last or the best."""
    best = config.make_contender(settings).training.sample_from == "best"
    return _trained(best_weights if best else weights, prepared, settings)


def _trained(weights: Weights, prepared: ImageSplits, settings: dict[str, Any]) -> sampling.Contender:
    contender = config.make_contender(settings)
    return sampling.load(
        contender.model,
        contender.sampler,
        weights,
        _shape(prepared),
        images=prepared.train.images,
        device=pick_device(contender.training.device),
    )


def _by_stage(weights: Weights) -> list[dict[str, Tensor]]:
    """Part weights keyed `<steps>/<network>.<name>` by stage, in the order of training."""
    stages: dict[int, dict[str, Tensor]] = {}
    for key, value in weights.items():
        steps, name = key.split("/", 1)
        stages.setdefault(int(steps), {})[name] = value
    return [stages[steps] for steps in sorted(stages)]
