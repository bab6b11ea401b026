"""Samples that another tool made, scored like a contender's."""

from gencompare.pipelines.scoring.pipeline import create_pipeline

__all__ = ["create_pipeline"]
