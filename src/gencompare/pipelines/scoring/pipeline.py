"""Scoring alone: read, score, tabulate."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from gencompare.pipelines.modelling.nodes import score_samples
from gencompare.pipelines.scoring.nodes import read_samples, tabulate_one
from gencompare.running.remote import remote


def create_pipeline() -> Pipeline:
    """From `params:samples` to `scores` and `table`, with the same node that scores contenders."""
    return Pipeline(
        [
            Node(read_samples, inputs=["params:samples", "prepared"], outputs="samples", name="read_samples"),
            Node(
                remote(score_samples),
                inputs=["samples", "prepared", "reference", "params:evaluation", "feature_cache"],
                outputs="scores",
                name="score",
            ),
            Node(tabulate_one, inputs=["reference", "scores"], outputs="table", name="tabulate"),
        ]
    )
