"""Scoring alone: read, score, tabulate, all at the samples' own number."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from gencompare.pipelines.imagesets.nodes import describe_reference
from gencompare.pipelines.modelling.nodes import score_samples
from gencompare.pipelines.scoring.nodes import read_samples, tabulate_one
from gencompare.running.remote import remote


def create_pipeline() -> Pipeline:
    """From `params:samples` to `reference`, `scores` and `table`, with the same nodes that score contenders."""
    return Pipeline(
        [
            Node(read_samples, inputs=["params:samples", "prepared"], outputs="samples", name="read_samples"),
            Node(
                remote(describe_reference),
                inputs=["prepared", "params:evaluation", "feature_cache", "samples"],
                outputs="reference",
                name="describe_reference",
            ),
            Node(
                remote(score_samples),
                inputs=["samples", "prepared", "reference", "params:evaluation", "feature_cache"],
                outputs="scores",
                name="score",
            ),
            Node(tabulate_one, inputs=["reference", "scores"], outputs="table", name="tabulate"),
        ]
    )
