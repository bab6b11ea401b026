"""Scores of saved sample sets, each with the passport that says what it may be compared with."""

from gencompare.evaluation.passport import PassportMismatch
from gencompare.evaluation.scoring import comparable, describe_reference, score
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.evaluation.table import table

__all__ = ["EvaluationSettings", "PassportMismatch", "comparable", "describe_reference", "score", "table"]
