"""All contenders of a comparison side by side: tables, figures, report."""

from gencompare.pipelines.reporting.pipeline import create_gathering, create_pipeline

__all__ = ["create_gathering", "create_pipeline"]
