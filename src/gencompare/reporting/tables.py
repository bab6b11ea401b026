"""The numbers of the report, put in order: scores and costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

import pandas as pd

from gencompare.reporting.words import MISSING, duration, number, scaled


@dataclass(frozen=True)
class CostColumn:
    """One cost: its key, its heading, a note for the reader, and how its values are written."""

    key: str
    heading: str
    note: str
    write: Callable[[Any], str]

    def text(self, cost: Mapping[str, Any]) -> str:
        """Write this cost of one contender, a dash where it is not known."""
        value = cost.get(self.key)
        return MISSING if value is None else self.write(value)


COSTS = (
    CostColumn("parameters", "Parameters", "all networks trained", scaled),
    CostColumn("kimg", "Images seen", "in training, repeats counted", lambda kimg: scaled(1000 * kimg)),
    CostColumn("train_seconds", "Training time", "wall clock", duration),
    CostColumn("train_flops", "Training compute", "measured", partial(scaled, unit="FLOP")),
    CostColumn("images_per_second", "Training speed", "images a second", number),
    CostColumn("peak_memory_mb", "Peak memory", "while training", lambda mb: scaled(1e6 * mb, "B")),
    CostColumn("nfe", "Network evaluations", "per image made", number),
    CostColumn("seconds_per_image", "Time per image", "when sampling", duration),
    CostColumn("device", "Device", "", str),
)

# What a score's name stands for, by how it begins.
GLOSSARY = {
    "fid_": "Fréchet distance between Inception features of samples and of held-out real images",
    "fd_": "Fréchet distance between the features of samples and of held-out real images",
    "kid_": "Kernel distance (unbiased) between Inception features of samples and of held-out real images",
    "kd_": "Kernel distance (unbiased) between the features of samples and of held-out real images",
    "precision": "Share of samples that lie among real images in feature space: fidelity",
    "recall": "Share of real images that lie among samples in feature space: diversity",
    "density": "How densely real images surround a sample in feature space: fidelity",
    "coverage": "Share of real images with a sample near them in feature space: diversity",
    "memor": "Share of samples nearer to a training image than held-out real images are",
    "valid_squares": "Share of samples that a single square fits",
}


@dataclass(frozen=True)
class ScoreColumn:
    """One score: its name, whether `lower` or `higher` is better, what it means, and its passport."""

    name: str
    better: str
    meaning: str
    passport: Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """One score of one row: value and interval, None where not known."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class ScoreRow:
    """One row: a contender, the floor or the ceiling.

    Attributes:
        name: of the contender, `floor` or `ceiling`.
        kind: `contender`, `failed`, `floor` or `ceiling`.
        group: contenders of one group cannot be told apart by the first score; None where not known.
        cells: by score.
    """

    name: str
    kind: str
    group: str | None
    cells: Mapping[str, Cell]


@dataclass(frozen=True)
class Scoreboard:
    """All scores.

    Attributes:
        columns: the first one decides.
        rows: floor, contenders from best to worst, failed ones, ceiling.
    """

    columns: Sequence[ScoreColumn]
    rows: Sequence[ScoreRow]

    @property
    def first(self) -> ScoreColumn:
        """The score that decides; a nameless one where nothing was scored."""
        return self.columns[0] if self.columns else ScoreColumn("score", "lower", "", {})

    @property
    def bodies(self) -> list[list[ScoreRow]]:
        """Rows that belong together: of one kind, and contenders of one group."""
        return [list(rows) for _, rows in groupby(self.rows, key=lambda row: (row.kind, row.group))]

    def cell(self, row: str, score: str) -> Cell:
        """Return one score of one row by name, empty where there is none."""
        return next((r.cells[score] for r in self.rows if r.name == row and score in r.cells), Cell())


def scoreboard(
    table: pd.DataFrame, scores: Mapping[str, Mapping[str, Any]], failed: Collection[str]
) -> Scoreboard:
    """Put all scores in order.

    Args:
        table: as the evaluation room makes it: `contender`, `group`, and `<score>`, `<score>_low`,
            `<score>_high` for every score; rows `floor` and `ceiling` beside the contenders.
        scores: the contents of each contender's scores file.
        failed: names of contenders that are shown, but not ranked.
    """
    columns: dict[str, ScoreColumn] = {}
    for own in scores.values():
        for name, score in own.get("scores", {}).items():
            meaning = next((text for start, text in GLOSSARY.items() if name.startswith(start)), "")
            columns.setdefault(name, ScoreColumn(name, score["better"], meaning, score.get("passport", {})))
    board = Scoreboard(list(columns.values()), [_row(r, columns, failed) for r in table.to_dict("records")])
    return Scoreboard(board.columns, sorted(board.rows, key=partial(_place, board.first)))


def _place(first: ScoreColumn, row: ScoreRow) -> tuple[int, float]:
    value = row.cells.get(first.name, Cell()).value
    sign = 1 if first.better == "lower" else -1
    return ("floor", "contender", "failed", "ceiling").index(
        row.kind
    ), math.inf if value is None else sign * value


def _row(record: Mapping[Any, Any], columns: Iterable[str], failed: Collection[str]) -> ScoreRow:
    name = str(record["contender"])
    kind = name if name in ("floor", "ceiling") else "failed" if name in failed else "contender"
    group = record.get("group")
    ends = {score: (score, f"{score}_low", f"{score}_high") for score in columns}
    return ScoreRow(
        name,
        kind,
        str(group) if kind == "contender" and not pd.isna(group) else None,
        {score: Cell(*(known(record.get(key)) for key in keys)) for score, keys in ends.items()},
    )


def known(value: Any) -> float | None:
    """Return a finite number as a float, anything else as None."""
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
