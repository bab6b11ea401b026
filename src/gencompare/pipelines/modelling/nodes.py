"""Nodes of one contender's way from prepared images to scores."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL.Image import Image

from gencompare.alone import alone
from gencompare.config.budget import in_force, read_budget
from gencompare.config.contender import Contender, read_contender
from gencompare.config.typed import build
from gencompare.evaluation.bench import rows
from gencompare.evaluation.health import judge
from gencompare.evaluation.scoring import score
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.files import read_json, read_sound, write_json
from gencompare.imagesets.arrays import Images, ImageSplits
from gencompare.imagesets.pictures import image_grid, strips
from gencompare.models.parts.shape import ImageShape
from gencompare.models.parts.weights import Weights
from gencompare.objectives.base import Objective
from gencompare.pipelines.modelling.pictures import FRAMES, ROWS, by_stage, growth, reconstruction
from gencompare.pipelines.modelling.samplers import fitted_at, ready, sampler_of_choice
from gencompare.pipelines.modelling.validation import Curve, Validator
from gencompare.running.parallel import train
from gencompare.running.remote import goes_in_parts, in_parts
from gencompare.sampling import images as sampling
from gencompare.sampling.base import Sampler
from gencompare.sampling.saved import describe, labels_like
from gencompare.training import checkpoint
from gencompare.training.budget import measure_speed
from gencompare.training.device import describe_device, pick_device
from gencompare.training.fingerprint import fingerprint, modules_of
from gencompare.training.loop import Trained, seeded
from gencompare.training.validation import kept

logger = logging.getLogger(__name__)

GRID_IMAGES = 64


def set_budget(prepared: ImageSplits, settings: dict[str, Any], budgets: Path) -> dict[str, Any]:
    """Return on how many images a contender trains, and what that follows from.

    Speed is measured on a worker as a training gets, once: what was found is kept in `budgets`, so that the same
    command trains on as many images again. It is one process's: several have the same budget, and are there sooner.
    """
    if "budget" not in settings:
        return {"kimg": settings["training"]["kimg"]}
    settings = settings | {"training": settings["training"] | {"processes": 1}}
    budget = read_budget(settings["budget"])
    any_length = in_force(settings, {"kimg": 1.0})  # how fast it is does not depend on how long it trains
    contender = read_contender(any_length)
    device = describe_device(pick_device(contender.training.device))
    facts = [_fingerprint(prepared, any_length, contender), budget.values(), device]
    file = budgets / f"{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]}.json"
    name = settings["contender"]
    with alone(Path(f"{file}.lock"), f"{name}: its speed is being measured elsewhere; waiting, to share it"):
        found = read_sound(file, read_json)
        if found is None:
            speed = measure_speed(
                partial(_objective, contender, ImageShape.of(prepared.card)),
                contender.images.of(prepared.train),
                contender.training,
                seed=settings["seed"],
                seconds=0.0 if budget.minutes is None else min(20.0, 12.0 * budget.minutes),
            )
            kimg = speed.kimg(budget, contender.training.batch_size)
            found = {"kimg": kimg, "budget": budget.values()} | dataclasses.asdict(speed)
            write_json(file, found)
    logger.info(
        "%s: %s on %s are %g kimg; elsewhere: --params=contenders.%s.training.kimg=%g",
        name,
        budget,
        device,
        found["kimg"],
        name,
        found["kimg"],
    )
    return found


def train_contender(
    prepared: ImageSplits,
    settings: dict[str, Any],
    budget: dict[str, Any],
    trainings: Path,
    feature_cache: Path,
) -> tuple[
    dict[str, Any],
    Weights,
    Weights,
    Weights,
    Weights,
    dict[str, Any],
    pd.DataFrame,
    dict[str, Any],
    dict[str, Any],
    dict[str, Any],
    Images,
]:
    """Train on the train split; return settings in force, last, best and earlier stages' weights, what the sampler
    has learnt, the shape of its images, history, outcome, cost, curve, and the first samples of each of its points.

    A training that another contender or comparison has been through to its end is not repeated. The curve and the
    best weights come from samples held against training images, never the held-out split: that is the report's.
    """
    settings = in_force(settings, budget)
    trained, curve = _train(prepared, settings, trainings, feature_cache)
    stages = {f"{steps}/{key}": value for steps, own in trained.stages.items() for key, value in own.items()}
    best = trained.points[curve.best].weights() if curve else trained.weights
    started = time.perf_counter()
    fitted = _fitted(read_contender(settings), trained, curve, prepared)
    fit_seconds = time.perf_counter() - started if fitted else 0.0
    found, shown = (curve.found, curve.samples) if curve else ({}, prepared.train.images[:0])
    return (
        settings,
        trained.weights,
        best,
        stages,
        fitted,
        describe(prepared),
        trained.history,
        _outcome(trained, curve),
        trained.cost | {"validation_seconds": curve.seconds if curve else 0.0, "fit_seconds": fit_seconds},
        dict(found),
        Images(shown.reshape(-1, *prepared.train.images.shape[1:])),
    )


def _train(
    prepared: ImageSplits, settings: dict[str, Any], trainings: Path, feature_cache: Path
) -> tuple[Trained, Curve | None]:
    """Train, then measure the curve. Beside its equal, a training waits for it."""
    contender = read_contender(settings)
    folder = trainings / _fingerprint(prepared, settings, contender)
    folder.mkdir(parents=True, exist_ok=True)
    shared = f"{settings['name']}: the same training is under way elsewhere; waiting, to share it"
    with alone(folder / ".lock", shared):
        write_json(folder / "settings.json", settings)  # for people who look in
        _forget_lost(folder, settings["name"])
        trained = train(
            partial(_objective, contender, ImageShape.of(prepared.card)),
            contender.images.of(prepared.train),
            contender.training,
            name=settings["name"],
            seed=settings["seed"],
            folder=folder,
        )
        if not trained.points:
            return trained, None

        def make(own: Contender, place: int, fitted_to: np.ndarray) -> Sampler:
            weights, shape = trained.points[place].weights(), ImageShape.of(prepared.card)
            fitted = fitted_at(own, weights, trained.points, place, shape, fitted_to)
            return ready(own, weights, shape, fitted)

        training = contender.training
        validator = Validator(prepared.train, feature_cache, training.validation_samples, training.device)
        return trained, validator.curve(trained.points, contender, make, folder)


def _forget_lost(folder: Path, name: str) -> None:
    """Have a training go on from before the first of the weights that it kept and that are gone or broken."""

    def is_whole(state: dict[str, Any]) -> bool:
        return all(point.is_kept() for point in kept(folder, state["points"]))

    if checkpoint.forget(folder, unless=is_whole):
        logger.warning(
            "%s goes on from an earlier checkpoint, or begins anew: weights that it had kept are gone", name
        )


def _fitted(contender: Contender, trained: Trained, curve: Curve | None, prepared: ImageSplits) -> Weights:
    """Fit the sampler of the weights that samples are made from to the training images that the contender sees."""
    place, weights = len(trained.points) - 1, trained.weights
    if curve and contender.training.sample_from == "best":
        place, weights = curve.best, trained.points[curve.best].weights()
    images = contender.images.of(prepared.train).images
    return fitted_at(contender, weights, trained.points, place, ImageShape.of(prepared.card), images)


def is_trained(prepared: ImageSplits, settings: dict[str, Any], trainings: Path) -> bool:
    """Whether a training has been through to its end, so that it would be reused.

    Args:
        settings: in force, of the contender.
        trainings: the folder of all trainings.
    """
    folder = trainings / _fingerprint(prepared, settings, read_contender(settings))
    return checkpoint.status(folder) in {"finished", "diverged"}


def _objective(contender: Contender, shape: ImageShape) -> Objective:
    """Make an objective with fresh networks for images of a shape."""
    contender.model.check(shape)
    return contender.objective.objective(contender.model.networks(shape))


def _fingerprint(prepared: ImageSplits, settings: dict[str, Any], contender: Contender) -> str:
    with seeded(0, torch.device("cpu")):  # networks are made only to see by what code
        objective = _objective(contender, ImageShape.of(prepared.card))
    modules = modules_of(objective, *objective.networks.values())
    return fingerprint(settings, prepared.card["sha256"]["train"], modules)


def _outcome(trained: Trained, curve: Curve | None) -> dict[str, Any]:
    """Say how a training went, JSON-ready: how it ended, whether it was healthy, and when it was best."""
    health = judge(trained.history, trained.status)
    outcome = {
        "status": trained.status,
        "health": health.verdict,
        "evidence": "; ".join(health.evidence),
        "stages": 1 + len(trained.stages),
    }
    if curve is not None:
        points = curve.found["points"]
        outcome |= {"best_kimg": points[curve.best]["kimg"]}
        outcome |= {
            "best_validation_kid": points[curve.best]["value"],
            "last_validation_kid": points[-1]["value"],
        }
    return outcome


@goes_in_parts
def sample_contender(
    weights: Weights,
    best_weights: Weights,
    fitted: Weights,
    prepared: ImageSplits,
    settings: dict[str, Any],
    evaluation_settings: dict[str, Any],
) -> tuple[Images, Image, dict[str, Any]]:
    """Make the samples that are scored, from the last or the best weights; say what one image costs."""
    n = build(EvaluationSettings, evaluation_settings, "evaluation").samples
    labels = labels_like(prepared.heldout, n)
    made = in_parts(_sample_part, n, weights, best_weights, fitted, prepared, settings, labels)
    images, facts = np.concatenate([images for images, _ in made]), made[0][1]
    seconds = sum(each["seconds"] for _, each in made)
    cost = {"nfe": facts["nfe"], "seconds_per_image": seconds / n}
    return Images(images, labels if facts["classes"] else None), image_grid(images[:GRID_IMAGES]), cost


def _sample_part(
    first: int,
    n: int,
    seconds: float,
    weights: Weights,
    best_weights: Weights,
    fitted: Weights,
    prepared: ImageSplits,
    settings: dict[str, Any],
    labels: np.ndarray | None,
) -> tuple[np.ndarray, dict[str, Any]]:
    """Make samples `first` .. `first + n - 1`, or the foremost of them once some seconds are over.

    Args:
        labels: of all samples, for contenders that are conditioned on some.

    Returns:
        uint8 (n or fewer, H, W, C); the `seconds` they took, evaluations an image (`nfe`), and label `classes`.
    """
    contender = sampler_of_choice(weights, best_weights, fitted, prepared, settings)
    started, batches = time.perf_counter(), []
    for start in range(first, first + n, contender.batch):
        chosen = slice(start, min(start + contender.batch, first + n))
        own = labels[chosen] if contender.classes and labels is not None else None
        batches.append(sampling.sample(contender, chosen.stop - start, own, settings["seed"], start))
        if time.perf_counter() - started > seconds:
            break
    facts = {"seconds": time.perf_counter() - started, "nfe": contender.nfe, "classes": contender.classes}
    return np.concatenate(batches), facts


def picture_contender(
    weights: Weights,
    best_weights: Weights,
    fitted: Weights,
    stage_weights: Weights,
    samples: Images,
    prepared: ImageSplits,
    settings: dict[str, Any],
) -> tuple[Image, Image, Image, Image, list[float]]:
    """Draw interpolations, trajectories, samples by stage, and reconstructions; return their errors, too."""
    contender, seed = sampler_of_choice(weights, best_weights, fitted, prepared, settings), settings["seed"]
    stages, shape = by_stage(stage_weights), ImageShape.of(prepared.card)
    earlier = [ready(read_contender(settings), stage, shape, fitted) for stage in stages]
    first, starts = rows(samples, slice(ROWS)), rows(samples, slice(0, 2 * ROWS, 2))
    return (
        strips(sampling.interpolate(contender, ROWS, FRAMES, seed, labels=starts.labels)),
        strips(sampling.trajectory(contender, ROWS, FRAMES, seed, labels=first.labels)),
        growth(earlier, samples, seed),
        *reconstruction(contender, prepared.heldout),
    )


def score_samples(
    samples: Images,
    prepared: ImageSplits,
    reference: dict[str, Any],
    evaluation_settings: dict[str, Any],
    feature_cache: Path,
    reconstruction: list[float] | None = None,
) -> dict[str, Any]:
    """Score saved samples against the held-out split, and the reconstructions of a contender that makes some."""
    chosen = build(EvaluationSettings, evaluation_settings, "evaluation")
    return score(samples, prepared, reference, chosen, feature_cache, reconstruction or ())
