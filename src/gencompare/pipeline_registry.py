"""Every comparison as a Kedro pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kedro.framework.project import settings
from kedro.pipeline import Pipeline
from kedro.utils import find_kedro_project

from gencompare.comparisons import DEFAULT, HISTORY, MAIN, PUBLISH, SAMPLE, SCORE, Comparison, Training
from gencompare.pipelines import (
    history,
    imagesets,
    modelling,
    naming,
    publishing,
    reporting,
    sampling,
    scoring,
)

# Datasets of everyone, and those that the contenders of a comparison share.
EVERYONES = frozenset({"feature_cache", "trainings", "budgets", "params:samples"})
SHARED = frozenset({"prepared", "reference", "params:evaluation", "params:image_set"})


@dataclass(frozen=True)
class Owned:
    """What a dataset is: its kind, the comparison that it belongs to, and the training, if it is of one."""

    kind: str
    comparison: str
    training: Training | None = None


def register_pipelines() -> dict[str, Pipeline]:
    """Return the pipelines of the project in whose folder this is called; a session composes its own anew."""
    project = find_kedro_project(Path.cwd())
    if project is None:
        return {}
    loader = settings.CONFIG_LOADER_CLASS(str(project / settings.CONF_SOURCE), **settings.CONFIG_LOADER_ARGS)
    return compose_all(loader.plan.comparisons)


def compose_all(comparisons: Mapping[str, Comparison]) -> dict[str, Pipeline]:
    """Return one pipeline per comparison, scoring and sampling alone, and the history; the main job is also the default."""
    pipelines = {name: compose(name, comparison) for name, comparison in comparisons.items()}
    others = {
        SCORE: compose_scoring(),
        HISTORY: compose_history(),
        PUBLISH: compose_publishing(),
        SAMPLE: compose_sampling(),
    }
    return pipelines | others | {DEFAULT: pipelines[MAIN]}


def compose(name: str, comparison: Comparison) -> Pipeline:
    """Hang a comparison together: its images, its contenders side by side, its report."""
    parts = [
        _part(imagesets.create_pipeline(), name, "images"),
        _part(reporting.create_pipeline(name, comparison), name, "report"),
    ]
    for training in comparison.trainings:
        if not training.repeat:  # seeds of one contender train on equally many images
            parts.append(_part(modelling.create_budget(), name, training.name, training))
        parts.append(_part(modelling.create_pipeline(), name, training.name, training))
        parts.append(_part(reporting.create_gathering(), name, training.name, training))
    return Pipeline(parts)


def compose_scoring() -> Pipeline:
    """Hang scoring alone together: an image set, and samples that another tool made."""
    images = _part(imagesets.create_preparation(), SCORE, "images")
    return images + _part(scoring.create_pipeline(), SCORE, "samples")


def compose_history() -> Pipeline:
    """Hang the report across runs together: from what earlier runs have left."""
    folders, asked = {"reports", "model_outputs"}, {"params:comparison", "params:dataset"}
    return Pipeline(history.create_pipeline(), namespace="history", inputs=folders, parameters=asked)


def compose_publishing() -> Pipeline:
    """Hang the pages of results together: from what earlier runs have left."""
    folders = {"reports", "models", "model_outputs", "results"}
    asked = {"params:comparison", "params:dataset"}
    return Pipeline(publishing.create_pipeline(), namespace=PUBLISH, inputs=folders, parameters=asked)


def compose_sampling() -> Pipeline:
    """Hang sampling alone together: from what comparisons have trained."""
    return Pipeline(sampling.create_pipeline(), namespace=SAMPLE, inputs={"models"})


def owners(comparisons: Mapping[str, Comparison]) -> dict[str, Owned]:
    """Return what every dataset of some comparisons, and of scoring alone, is."""
    contender = modelling.create_pipeline() + reporting.create_gathering()
    shared = imagesets.create_preparation() + scoring.create_pipeline()
    found = {naming.dataset(SCORE, kind): Owned(kind, SCORE) for kind in _kinds(shared)}
    for name, comparison in comparisons.items():
        own = _kinds(imagesets.create_pipeline() + reporting.create_pipeline(name, comparison))
        found |= {naming.dataset(name, kind): Owned(kind, name) for kind in own}
        for training in comparison.trainings:
            kinds = _kinds(contender) - SHARED - {"budget"}
            found |= {naming.dataset(name, k, training.name): Owned(k, name, training) for k in kinds}
    return found


def _kinds(template: Pipeline) -> set[str]:
    return {name for name in template.datasets() if not name.startswith("params:") and name not in EVERYONES}


def _part(template: Pipeline, comparison: str, part: str, training: Training | None = None) -> Pipeline:
    """Put a template into a comparison, as one box of kedro-viz."""

    def full(template_name: str) -> str:
        if template_name in EVERYONES:
            return template_name
        own = None if training is None or template_name in SHARED else training.name
        if template_name == "budget" and training is not None:
            own = training.contender
        kind = template_name.removeprefix("params:")
        name = naming.parameter if kind != template_name else naming.dataset
        return name(comparison, kind, own)

    names = {dataset: full(dataset) for dataset in template.datasets()}
    free = template.inputs()
    return Pipeline(
        template,
        namespace=naming.box(comparison, part),
        inputs={k: v for k, v in names.items() if k in free and not k.startswith("params:")},
        outputs={k: v for k, v in names.items() if k not in free},
        parameters={k: v for k, v in names.items() if k.startswith("params:")},
        tags=training.contender if training else part,
    )
