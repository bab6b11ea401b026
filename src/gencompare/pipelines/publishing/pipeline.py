"""From the folders of artifacts to pages."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from gencompare.pipelines.publishing.nodes import publish


def create_pipeline() -> Pipeline:
    """From what runs left to pages in `results`, an output that only says which: Kedro wants one."""
    inputs = ["reports", "models", "model_outputs", "results", "params:comparison", "params:dataset"]
    return Pipeline([Node(publish, inputs=inputs, outputs="published", name="publish")])
