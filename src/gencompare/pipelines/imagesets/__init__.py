"""The pipeline that prepares a comparison's image set."""

from gencompare.pipelines.imagesets.pipeline import create_pipeline, create_preparation

__all__ = ["create_pipeline", "create_preparation"]
