"""Every comparison as a Kedro pipeline."""

from __future__ import annotations

from kedro.pipeline import Pipeline

from gencompare.comparisons import COMPARISONS, Comparison
from gencompare.pipelines import imagesets, modelling, reporting


def register_pipelines() -> dict[str, Pipeline]:
    """Return one pipeline per comparison; the main job is also the default."""
    pipelines = {name: compose(name, comparison) for name, comparison in COMPARISONS.items()}
    return pipelines | {"__default__": pipelines["gan_compare"]}


def compose(name: str, comparison: Comparison) -> Pipeline:
    """Hang a comparison together: its images, its contenders side by side, its report."""
    shared = {key: f"{name}.{key}" for key in ("prepared", "reference")} | {"feature_cache": "feature_cache"}
    images = Pipeline(
        imagesets.create_pipeline(),
        namespace=name,
        inputs={"feature_cache": "feature_cache"},
        parameters={"params:evaluation": "params:evaluation"},
    )
    contenders = [
        Pipeline(
            modelling.create_pipeline(),
            namespace=f"{name}.{contender}",
            inputs=shared,
            parameters={"params:evaluation": "params:evaluation"},
            tags=[contender],
        )
        for contender in comparison.contenders
    ]
    report = Pipeline(reporting.create_pipeline(name, comparison), namespace=name)
    return sum([*contenders, report], start=images)
