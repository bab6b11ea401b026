"""Nodes that prepare an image set and what its scores are placed against."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from gencompare.config.typed import build
from gencompare.evaluation import scoring
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.imagesets import Preparation, make_image_set
from gencompare.imagesets.arrays import Images, ImageSplits
from gencompare.reporting.profile import render_profile
from gencompare.training.progress import Stopped, stopping


def prepare_images(image_set: Mapping[str, Any]) -> Preparation:
    """Make the image set that the parameters describe: its name and its settings. A stop ends it between two chunks."""
    made = make_image_set(image_set).prepare()
    return replace(
        made, train=partial(_until_stopped, made.train), heldout=partial(_until_stopped, made.heldout)
    )


def _until_stopped(chunks: Callable[[], Iterator[Images]]) -> Iterator[Images]:
    for chunk in chunks():
        if stopping.is_set():
            raise Stopped
        yield chunk


def profile_images(prepared: ImageSplits) -> str:
    """Write the page about the prepared images, before anything is trained on them."""
    return render_profile(prepared)


def describe_reference(
    prepared: ImageSplits,
    evaluation_settings: Mapping[str, Any],
    feature_cache: Path,
    samples: Images | None = None,
) -> dict[str, Any]:
    """Score what every score is placed between, real images and noise: as many as these samples, where they are given."""
    chosen = build(EvaluationSettings, evaluation_settings, "evaluation")
    return scoring.describe_reference(
        prepared, chosen, feature_cache, None if samples is None else len(samples)
    )
