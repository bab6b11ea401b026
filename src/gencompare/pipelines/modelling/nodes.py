"""Nodes of one contender's way from prepared images to scores."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL.Image import Image

from gencompare import config, evaluation, sampling, training
from gencompare.evaluation import EvaluationSettings
from gencompare.imagesets.arrays import Images, ImageSplits
from gencompare.models.shape import ImageShape
from gencompare.reporting.figures import image_grid, strips
from gencompare.training.device import pick_device
from gencompare.training.health import judge
from gencompare.typed import build

GRID_IMAGES = 64
STRIP_ROWS, STRIP_FRAMES = 6, 10


def train_contender(
    prepared: ImageSplits, settings: dict[str, Any], checkpoints: Path, trained_models: Path
) -> tuple[dict[str, torch.Tensor], pd.DataFrame, dict[str, Any]]:
    """Train on the train split; return the weights that make samples, the history, and cost and health.

    A training that another contender or comparison has been through to its end is not repeated.
    """
    contender = config.make_contender(settings)
    shape = _shape(prepared)
    contender.model.check(shape)
    trained = training.train(
        lambda: contender.objective.objective(contender.model.networks(shape)),
        contender.images.of(prepared.train),
        contender.training,
        contender=contender.name,
        seed=contender.seed,
        fingerprint=training.fingerprint(_facts(prepared, settings)),
        checkpoints=checkpoints,
        elsewhere=sorted(trained_models.glob("*/*/*/checkpoints")),
    )
    health = judge(trained.history, trained.status)
    verdict = {"status": trained.status, "health": health.verdict, "evidence": " ".join(health.evidence)}
    return trained.weights, trained.history, trained.cost | verdict


def _facts(prepared: ImageSplits, settings: dict[str, Any]) -> dict[str, Any]:
    """What decides a training's result: contenders that differ in their sampler only are trained once."""
    parts = ("model", "objective", "training", "images", "seed")
    return {part: settings.get(part) for part in parts} | {"content": prepared.card["sha256"]}


def make_samples(
    weights: dict[str, torch.Tensor],
    prepared: ImageSplits,
    settings: dict[str, Any],
    evaluation_settings: dict[str, Any],
) -> tuple[Images, Image, Image, Image, dict[str, Any]]:
    """Make the samples that are scored, pictures of them, and what one image costs."""
    n = build(EvaluationSettings, evaluation_settings, "evaluation").samples
    contender = _trained(weights, prepared, settings)
    seed = settings["seed"]
    labels = _labels_like(prepared.heldout, n) if contender.classes else None
    started = time.perf_counter()
    images = sampling.sample(contender, n, labels, seed)
    seconds = time.perf_counter() - started
    return (
        Images(images, labels),
        image_grid(images[:GRID_IMAGES]),
        strips(sampling.interpolate(contender, STRIP_ROWS, STRIP_FRAMES, seed)),
        strips(sampling.trajectory(contender, STRIP_ROWS, STRIP_FRAMES, seed)),
        {"nfe": contender.nfe, "seconds_per_image": seconds / n},
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


def _trained(
    weights: dict[str, torch.Tensor], prepared: ImageSplits, settings: dict[str, Any]
) -> sampling.Contender:
    """Put saved weights into fresh networks, those that make samples only."""
    contender = config.make_contender(settings)
    shape, device = _shape(prepared), pick_device(contender.training.device)
    wanted = {key.split(".", 1)[0] for key in weights}
    networks = {name: net for name, net in contender.model.networks(shape).items() if name in wanted}
    for name, network in networks.items():
        prefix = f"{name}."
        own = {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
        network.load_state_dict(own)
        network.to(device).to(memory_format=torch.channels_last)
    sampler = contender.sampler.fitted(networks, prepared.train.images)
    return sampling.Contender(networks, sampler, shape, device)


def _labels_like(images: Images, n: int) -> np.ndarray | None:
    """Return n labels in the proportions of real images: theirs, in their order, over and over."""
    return None if images.labels is None else np.resize(images.labels, n)
