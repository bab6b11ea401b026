"""Scores of saved sample sets, each with the passport that says what it may be compared with."""

from gencompare.evaluation.passport import PassportMismatch
from gencompare.evaluation.samples import load_samples
from gencompare.evaluation.scoring import comparable, describe_reference, score
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.evaluation.table import combined, table

__all__ = [
    "EvaluationSettings",
    "PassportMismatch",
    "combined",
    "comparable",
    "describe_reference",
    "load_samples",
    "score",
    "table",
]
