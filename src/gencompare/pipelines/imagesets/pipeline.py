"""Source to prepared images, the page about them and the reference of their scores."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from gencompare.pipelines.imagesets.nodes import describe_reference, prepare_images, profile_images
from gencompare.running.remote import remote


def create_preparation() -> Pipeline:
    """Prepare one image set: from `params:image_set` to `prepared` and `profile`."""
    return Pipeline(
        [
            Node(prepare_images, inputs="params:image_set", outputs="prepared", name="prepare_images"),
            Node(profile_images, inputs="prepared", outputs="profile", name="profile_images"),
        ]
    )


def create_pipeline() -> Pipeline:
    """Prepare one image set and what its scores are placed against: to `prepared`, `profile` and `reference`."""
    return create_preparation() + Pipeline(
        [
            Node(
                remote(describe_reference),
                inputs=["prepared", "params:evaluation", "feature_cache"],
                outputs="reference",
                name="describe_reference",
            ),
        ]
    )
