"""Nodes that score samples from outside."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from gencompare.config.typed import SettingError
from gencompare.evaluation.samples import load_samples
from gencompare.evaluation.table import score_table
from gencompare.imagesets.arrays import Images, ImageSplits
from gencompare.reporting.summary import summary, terminal
from gencompare.reporting.tables import blind, blunt, scoreboard, too_few

logger = logging.getLogger(__name__)


def read_samples(path: str, prepared: ImageSplits) -> Images:
    """Read samples as they were saved, at the resolution of the image set they are scored against.

    Raises:
        SettingError: if their labels are none of the image set's classes.
    """
    height, width, channels = prepared.train.images.shape[1:]
    samples, classes = load_samples(path, (height, width, channels)), prepared.card["classes"]
    if samples.labels is not None and classes:
        unknown = sorted(set(samples.labels.tolist()) - set(range(len(classes))))
        if unknown:
            raise SettingError(
                f"samples={path!r}: {unknown[0]} is among its labels; the image set's classes are "
                f"0 ({classes[0]}) to {len(classes) - 1} ({classes[-1]})"
            )
    return samples


def tabulate_one(reference: dict[str, Any], scores: dict[str, Any]) -> pd.DataFrame:
    """Put the scores beside those of real images and noise, and show the table."""
    table = score_table({"samples": scores}, reference)
    board = scoreboard(table, {"samples": scores}, ())
    doubts = [line for line in (too_few(board), blind(board), blunt(board)) if line]
    logger.info("\n%s", terminal(summary(board, doubts)))
    return table
