"""The pipeline that prepares a comparison's image set."""

from gencompare.pipelines.imagesets.pipeline import create_pipeline

__all__ = ["create_pipeline"]
