"""The template of one contender, made once per contender under its own namespace."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from gencompare.pipelines.modelling.nodes import (
    picture_contender,
    sample_contender,
    score_samples,
    set_budget,
    train_contender,
)
from gencompare.running.remote import remote


def create_budget() -> Pipeline:
    """Return the node that says on how many images a contender trains. Shared inputs: prepared, budgets."""
    node = Node(
        remote(set_budget), inputs=["prepared", "params:settings", "budgets"], outputs="budget", name="budget"
    )
    return Pipeline([node])


def create_pipeline() -> Pipeline:
    """Return train → sample → score, and pictures. Shared inputs: prepared, reference, budget, trainings,
    feature_cache, params:evaluation."""
    return Pipeline(
        [
            Node(
                remote(train_contender),
                inputs=["prepared", "params:settings", "budget", "trainings", "feature_cache"],
                outputs=[
                    "settings",
                    "weights",
                    "best_weights",
                    "stage_weights",
                    "fitted",
                    "shape",
                    "history",
                    "outcome",
                    "cost",
                    "curve",
                    "curve_samples",
                ],
                name="train",
                tags="train",
            ),
            Node(
                sample_contender,
                inputs=["weights", "best_weights", "fitted", "prepared", "settings", "params:evaluation"],
                outputs=["samples", "sample_grid", "sampling_cost"],
                name="sample",
            ),
            Node(
                remote(picture_contender),
                inputs=[
                    "weights",
                    "best_weights",
                    "fitted",
                    "stage_weights",
                    "samples",
                    "prepared",
                    "settings",
                ],
                outputs=["interpolation", "trajectory", "stages", "reconstructions", "reconstruction"],
                name="picture",
            ),
            Node(
                remote(score_samples),
                inputs=[
                    "samples",
                    "prepared",
                    "reference",
                    "params:evaluation",
                    "feature_cache",
                    "reconstruction",
                ],
                outputs="scores",
                name="score",
            ),
        ]
    )
