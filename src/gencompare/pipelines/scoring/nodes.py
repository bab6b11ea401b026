"""Nodes that score samples from outside."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from gencompare.evaluation.samples import load_samples
from gencompare.evaluation.table import score_table
from gencompare.imagesets.arrays import Images, ImageSplits
from gencompare.reporting.summary import summary, terminal
from gencompare.reporting.tables import scoreboard

logger = logging.getLogger(__name__)


def read_samples(path: str, prepared: ImageSplits) -> Images:
    """Read samples as they were saved, at the resolution of the image set they are scored against."""
    height, width, channels = prepared.train.images.shape[1:]
    return load_samples(path, (height, width, channels))


def tabulate_one(reference: dict[str, Any], scores: dict[str, Any]) -> pd.DataFrame:
    """Put the scores beside those of real images and noise, and show the table."""
    table = score_table({"samples": scores}, reference)
    board = scoreboard(table, {"samples": scores}, ())
    logger.info("\n%s", terminal(summary(board)))
    return table
