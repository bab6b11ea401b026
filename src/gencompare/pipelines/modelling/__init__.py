"""One contender: train, sample, score."""

from gencompare.pipelines.modelling.pipeline import create_pipeline

__all__ = ["create_pipeline"]
