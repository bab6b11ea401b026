"""The end of every comparison: tables, figures and the report."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, update_wrapper
from typing import Any

from kedro.pipeline import Node, Pipeline

from gencompare.comparisons import Comparison
from gencompare.pipelines.reporting.nodes import gather, tabulate_costs, tabulate_scores, write_report

FIGURES = (
    "score_bars",
    "quality_curves",
    "pareto",
    "loss_curves",
    "health_curves",
)


def create_gathering() -> Pipeline:
    """Return the end of one contender's pipeline: what all contenders' report needs of it, as `results`."""
    kinds = (
        "settings",
        "prepared",
        "samples",
        "scores",
        "outcome",
        "cost",
        "sampling_cost",
        "history",
        "curve",
        "curve_samples",
        "interpolation",
        "trajectory",
        "reconstructions",
        "stages",
    )
    inputs = {kind: kind for kind in kinds}
    return Pipeline([Node(gather, inputs=inputs, outputs="results", name="gather", tags="report")])


def create_pipeline(name: str, comparison: Comparison) -> Pipeline:
    """Return the nodes that bring a comparison's contenders together. Datasets are un-namespaced."""
    results = {training.name: f"{training.name}.results" for training in comparison.trainings}
    shared = {key: key for key in ("prepared", "table")}
    return Pipeline(
        [
            Node(
                tabulate_scores,
                inputs={"reference": "reference"} | results,
                outputs="table",
                name="tabulate_scores",
            ),
            Node(
                tabulate_costs,
                inputs=results,
                outputs="costs",
                name="tabulate_costs",
            ),
            Node(
                _with(
                    write_report,
                    comparison=name,
                    question=comparison.question,
                    claims=comparison.claims,
                    claims_about=comparison.image_set["name"],
                ),
                inputs=shared | results,
                outputs={kind: kind for kind in ("report", "pictures", "origin", "markdown", "latex")}
                | {name: f"{name}_figure" for name in FIGURES},
                name="write_report",
            ),
        ]
    )


def _with(function: Callable[..., Any], **fixed: Any) -> Callable[..., Any]:
    """Fix some arguments of a node's function and keep its name, which Kedro shows."""
    return update_wrapper(partial(function, **fixed), function)
