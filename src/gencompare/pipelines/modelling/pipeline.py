"""The template of one contender, made once per contender under its own namespace."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from gencompare.pipelines.modelling.nodes import (
    picture_contender,
    sample_contender,
    score_samples,
    train_contender,
)


def create_pipeline() -> Pipeline:
    """Return train → sample → score, and pictures. Shared inputs: prepared, reference, feature_cache,
    trained_models, params:evaluation."""
    return Pipeline(
        [
            Node(
                train_contender,
                inputs=["prepared", "params:settings", "checkpoints", "trained_models", "feature_cache"],
                outputs=["weights", "best_weights", "stage_weights", "history", "outcome", "cost"],
                name="train",
            ),
            Node(
                sample_contender,
                inputs=["weights", "best_weights", "prepared", "params:settings", "params:evaluation"],
                outputs=["samples", "sample_grid", "sampling_cost"],
                name="sample",
            ),
            Node(
                picture_contender,
                inputs=["weights", "best_weights", "stage_weights", "samples", "prepared", "params:settings"],
                outputs=["interpolation", "trajectory", "stages", "reconstructions", "reconstruction"],
                name="picture",
            ),
            Node(
                score_samples,
                inputs=["samples", "prepared", "reference", "params:evaluation", "feature_cache"],
                outputs="scores",
                name="score",
            ),
        ]
    )
