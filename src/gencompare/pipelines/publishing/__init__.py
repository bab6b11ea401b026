"""Pages of results, from what finished comparisons left."""

from gencompare.pipelines.publishing.pipeline import create_pipeline

__all__ = ["create_pipeline"]
