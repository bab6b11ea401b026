"""Every comparison as a Kedro pipeline."""

from __future__ import annotations

from kedro.pipeline import Pipeline

from gencompare.comparisons import COMPARISONS, Comparison
from gencompare.pipelines import history, imagesets, modelling, reporting, scoring

# Datasets of everyone, and those that the contenders of a comparison share.
EVERYONES = frozenset({"feature_cache", "trained_models", "params:samples"})
SHARED = frozenset({"prepared", "reference", "evaluation"})


def register_pipelines() -> dict[str, Pipeline]:
    """Return one pipeline per comparison, scoring alone and the history; the main job is also the default."""
    pipelines = {name: compose(name, comparison) for name, comparison in COMPARISONS.items()}
    others = {"score": compose_scoring(), "history": compose_history()}
    return pipelines | others | {"__default__": pipelines["gan_compare"]}


def compose(name: str, comparison: Comparison) -> Pipeline:
    """Hang a comparison together: its images, its contenders side by side, its report."""
    contender = modelling.create_pipeline() + reporting.create_gathering()
    return sum(
        [_part(contender, name, training.name, training.contender) for training in comparison.trainings],
        start=_part(imagesets.create_pipeline(), name, "images")
        + _part(reporting.create_pipeline(name, comparison), name, "report"),
    )


def _part(template: Pipeline, comparison: str, part: str, contender: str | None = None) -> Pipeline:
    """Put a template into a comparison, as one box of kedro-viz: namespace `gan-dcgan` in `gan_compare`.

    A dot instead would draw boxes in one box for the whole comparison, which is then all that one sees; and
    of longer names fewer fit a screen.
    """

    def full(dataset: str) -> str:
        if dataset in EVERYONES:
            return dataset
        kind, _, name = dataset.rpartition(":")
        own = contender is not None and name not in SHARED
        return f"{kind}:" * bool(kind) + (f"{comparison}.{part}.{name}" if own else f"{comparison}.{name}")

    names = {dataset: full(dataset) for dataset in template.datasets()}
    free = template.inputs()
    return Pipeline(
        template,
        namespace=f"{comparison.removesuffix('_compare')}-{part}",
        inputs={k: v for k, v in names.items() if k in free and not k.startswith("params:")},
        outputs={k: v for k, v in names.items() if k not in free},
        parameters={k: v for k, v in names.items() if k.startswith("params:")},
        tags=contender or part,
    )


def compose_scoring() -> Pipeline:
    """Hang scoring alone together: an image set, and samples that another tool made."""
    images = _part(imagesets.create_pipeline(), "score", "images")
    return images + _part(scoring.create_pipeline(), "score", "samples")


def compose_history() -> Pipeline:
    """Hang the report across runs together: from what earlier runs have left."""
    folders, asked = {"reports", "model_outputs"}, {"params:comparison", "params:dataset"}
    return Pipeline(history.create_pipeline(), namespace="history", inputs=folders, parameters=asked)
