"""Sampling alone, from what is saved."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from gencompare.pipelines.sampling.nodes import sample_saved


def create_pipeline() -> Pipeline:
    """From the folder of trained contenders to `samples`, `grid` and `pngs`."""
    return Pipeline(
        [
            Node(
                sample_saved,
                inputs=["models", "params:request"],
                outputs=["samples", "grid", "pngs"],
                name="sample_saved",
            )
        ]
    )
