"""One contender: budget, training, samples, pictures, scores."""

from gencompare.pipelines.modelling.pipeline import create_budget, create_pipeline

__all__ = ["create_budget", "create_pipeline"]
