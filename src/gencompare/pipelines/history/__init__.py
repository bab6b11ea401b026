"""Finished comparisons from version to version."""

from gencompare.pipelines.history.pipeline import create_pipeline

__all__ = ["create_pipeline"]
