"""Source to prepared images and their card."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from gencompare.pipelines.imagesets.nodes import describe_images, prepare_images


def create_pipeline() -> Pipeline:
    """Prepare one image set: from `params:image_set` to `prepared` and `card`."""
    return Pipeline(
        [
            Node(prepare_images, inputs="params:image_set", outputs="prepared", name="prepare_images"),
            Node(describe_images, inputs="prepared", outputs="card", name="describe_images"),
        ]
    )
