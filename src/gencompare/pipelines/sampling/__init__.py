"""Images from what a comparison has trained."""

from gencompare.pipelines.sampling.pipeline import create_pipeline

__all__ = ["create_pipeline"]
