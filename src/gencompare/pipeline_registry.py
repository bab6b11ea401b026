"""Every comparison as a Kedro pipeline."""

from __future__ import annotations

from kedro.pipeline import Pipeline

from gencompare.comparisons import COMPARISONS, Comparison
from gencompare.pipelines import history, imagesets, modelling, reporting, scoring


def register_pipelines() -> dict[str, Pipeline]:
    """Return one pipeline per comparison, scoring alone and the history; the main job is also the default."""
    pipelines = {name: compose(name, comparison) for name, comparison in COMPARISONS.items()}
    others = {"score": compose_scoring(), "history": compose_history()}
    return pipelines | others | {"__default__": pipelines["gan_compare"]}


def compose(name: str, comparison: Comparison) -> Pipeline:
    """Hang a comparison together: its images, its contenders side by side, its report."""
    shared = {"prepared": f"{name}.prepared", "reference": f"{name}.reference"}
    shared |= {"feature_cache": "feature_cache", "trained_models": "trained_models"}
    images = _images(name)
    contenders = [
        Pipeline(
            modelling.create_pipeline(),
            namespace=f"{name}.{training.name}",
            inputs=shared,
            parameters=_evaluation(name),
            tags=[training.contender],
        )
        for training in comparison.trainings
    ]
    report = Pipeline(reporting.create_pipeline(name, comparison), namespace=name)
    return sum([*contenders, report], start=images)


def compose_scoring() -> Pipeline:
    """Hang scoring alone together: an image set, and samples that another tool made."""
    samples = Pipeline(
        scoring.create_pipeline(),
        namespace="score",
        inputs={"feature_cache": "feature_cache"},
        parameters=_evaluation("score") | {"params:samples": "params:samples"},
    )
    return _images("score") + samples


def compose_history() -> Pipeline:
    """Hang the report across runs together: from what earlier runs have left."""
    folders, asked = {"reports", "model_outputs"}, {"params:comparison", "params:dataset"}
    return Pipeline(history.create_pipeline(), namespace="history", inputs=folders, parameters=asked)


def _images(name: str) -> Pipeline:
    inputs = {"feature_cache": "feature_cache"}
    return Pipeline(imagesets.create_pipeline(), namespace=name, inputs=inputs, parameters=_evaluation(name))


def _evaluation(name: str) -> dict[str, str]:
    return {"params:evaluation": f"params:{name}.evaluation"}
