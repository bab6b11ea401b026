"""What the catalog keeps of finished comparisons, set side by side."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from gencompare.pipelines.history.nodes import write_history


def create_pipeline() -> Pipeline:
    """From the folders of reports and model outputs to `report` and `table`."""
    return Pipeline(
        [
            Node(
                write_history,
                inputs=["reports", "model_outputs", "params:comparison", "params:dataset"],
                outputs=["report", "table"],
                name="write_history",
            )
        ]
    )
