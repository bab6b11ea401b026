"""The numbers of the report, put in order: scores and costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pandas as pd

from gencompare.evaluation.kinds import KINDS, Kind
from gencompare.evaluation.memorisation import BLUNT
from gencompare.evaluation.ranks import Interval, ranks
from gencompare.reporting.formatting import MISSING, duration, listed, number, plain, scaled


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

    def spread(self, seeds: Sequence[Mapping[str, Any]]) -> str:
        """Write the least and the most over seeds; empty where all wrote the same."""
        values = [seed[self.key] for seed in seeds if seed.get(self.key) is not None]
        if not values or self.write(min(values)) == self.write(max(values)):
            return ""
        return f"{self.write(min(values))} to {self.write(max(values))}"


COSTS = (
    CostColumn("parameters", "Parameters", "all networks", scaled),
    CostColumn("kimg", "Images seen", "in training", lambda kimg: scaled(1000 * kimg)),
    CostColumn("train_seconds", "Training time", "wall clock", duration),
    CostColumn("train_flops", "Training compute", "measured", partial(scaled, unit="FLOP")),
    CostColumn("validation_seconds", "Validation time", "apart from training", duration),
    CostColumn("fit_seconds", "Fitting the sampler", "apart from training", duration),
    CostColumn("cores", "Cores", "at work while training", "{:.2f}".format),
    CostColumn("images_per_second", "Training speed", "images a second", plain),
    CostColumn("peak_memory_mb", "Peak memory", "while training", lambda mb: scaled(1e6 * mb, "B")),
    CostColumn("nfe", "Network evaluations", "per image made", plain),
    CostColumn("seconds_per_image", "Time per image", "when sampling", duration),
)


@dataclass(frozen=True)
class ScoreColumn:
    """One score.

    Attributes:
        name: with extractor and number of images, as in the scores file.
        kind: what it is called, says and measures.
        passport: what makes it comparable.
        seeds: how many training runs stand behind each value.
        biased: whether n is too small for it, so that it is shown and decides nothing.
        blind: whether it does not tell faulty sets from real images here, so that the same holds.
    """

    name: str
    kind: Kind
    passport: Mapping[str, Any] = field(default_factory=dict)
    seeds: int = 1
    biased: bool = False
    blind: bool = False

    @property
    def decides(self) -> bool:
        """Whether it has a say in who is better."""
        return not self.biased and not self.blind

    @property
    def full(self) -> str:
        """Title and name."""
        return f"{self.kind.title} ({self.name})"

    @property
    def arrow(self) -> str:
        """Which way is better."""
        return "↓" if self.kind.better == "lower" else "↑"

    @property
    def label(self) -> str:
        """The label of its axis in a figure."""
        note = f"{self.name}, {self.kind.better} is better"
        return f'{self.kind.title}<br><span style="font-size:11px">{note}</span>'


HEADLINE_KINDS = ("fid", "fd", "kid", "squares_valid", "class_agreement", "coverage", "memorised")
MOST_SCORES = 5

NOTHING_SCORED = ScoreColumn("score", Kind("lower", "quality", "Score", ""))


@dataclass(frozen=True)
class Cell:
    """One score of one row: value and interval, None where not known."""

    value: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def interval(self) -> Interval:
        """Its ends."""
        return self.low, self.high

    @property
    def plus_minus(self) -> str:
        """Value ± the farther end of its interval: `41.2 ± 3.7`."""
        if self.value is None or self.low is None or self.high is None:
            return number(self.value)
        half = max(self.high - self.value, self.value - self.low)
        if half <= 0.0:
            return f"{number(self.value)} ± 0"
        digits = 2 if f"{half:.0e}".startswith("1") or half > abs(self.value) / 4 else 1
        return f"{number(self.value, digits, like=half)} ± {number(half, digits)}"


@dataclass(frozen=True)
class ScoreRow:
    """One row: its name, its kind (`contender`, `failed`, `real images` or `noise`) and its cells by score."""

    name: str
    kind: str
    cells: Mapping[str, Cell]

    def cell(self, score: str) -> Cell:
        """Return one score, empty where it has none."""
        return self.cells.get(score, Cell())


@dataclass(frozen=True)
class Scoreboard:
    """All scores.

    Attributes:
        columns: the first one decides.
        rows: real images, contenders from best to worst, failed ones, noise.
    """

    columns: Sequence[ScoreColumn]
    rows: Sequence[ScoreRow]

    @property
    def first(self) -> ScoreColumn:
        """The score that decides."""
        return self.columns[0] if self.columns else NOTHING_SCORED

    @property
    def second(self) -> ScoreColumn | None:
        """The score that decides, by features that learnt this image set alone; None where that was not taken, or has no
        say here."""
        key = next((key for key, kind in KINDS.items() if kind == self.first.kind), "")
        # FID is the Fréchet distance by one extractor's features.
        learnt = KINDS.get(f"{'fd' if key == 'fid' else key}_learnt")
        return next((column for column in self.columns if column.kind == learnt and column.decides), None)

    @property
    def tables(self) -> dict[str, list[ScoreColumn]]:
        """Columns by what they measure, a table each."""
        found: dict[str, list[ScoreColumn]] = {}
        for column in self.columns:
            found.setdefault(column.kind.measures, []).append(column)
        return found

    def cell(self, row: str, score: str) -> Cell:
        """Return one score of one row by name, empty where there is none."""
        return next((r.cell(score) for r in self.rows if r.name == row), Cell())

    def ranks(self, column: ScoreColumn) -> dict[str, int]:
        """Return the ranks of the contenders that did not fail and have this score."""
        cells = {row.name: row.cell(column.name) for row in self.rows if row.kind == "contender"}
        intervals = {name: cell.interval for name, cell in cells.items() if cell.value is not None}
        only_worse_than = self.cell("real images", column.name).interval if column.kind.only_worse else None
        return ranks(intervals, column.kind.better, only_worse_than)

    def leads(self, row: ScoreRow, column: ScoreColumn) -> bool:
        """Return whether a contender has rank 1 and another has not: where all are level, nobody leads, nor by a score
        that tells only who is worse than real images."""
        found = {} if column.kind.only_worse else self.ranks(column)
        return found.get(row.name) == 1 and set(found.values()) != {1}


def cost_columns(costs: Sequence[Mapping[str, Any]]) -> list[CostColumn]:
    """Return the columns of COSTS, without those of validating and of fitting samplers where nobody did that."""
    optional = ("validation_seconds", "fit_seconds")
    return [column for column in COSTS if column.key not in optional or any(c.get(column.key) for c in costs)]


def headline(board: Scoreboard) -> list[ScoreColumn]:
    """Return the scores of the one table: the first, then the first of each of HEADLINE_KINDS, five at most, none that is
    blind here."""
    chosen = [board.first] if board.columns else []
    for kind in HEADLINE_KINDS:
        found = next(
            (column for column in board.columns if column.kind is KINDS[kind] and not column.blind), None
        )
        if found and found not in chosen:
            chosen.append(found)
    return chosen[:MOST_SCORES]


def headline_names(scores: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the names of the scores of the one table, from all that one contender has."""
    columns = [_column(name, one) for name, one in scores.items()]
    return [column.name for column in headline(Scoreboard(columns, ()))]


def scoreboard(
    table: pd.DataFrame, scores: Mapping[str, Mapping[str, Any]], failed: Collection[str]
) -> Scoreboard:
    """Put all scores in order.

    Args:
        table: as `score_table` makes it; its rows of kind `real images` and `noise` are taken.
        scores: for each contender, what `combined` returned for its seeds.
        failed: names of contenders that are shown, but not ranked.
    """
    columns: dict[str, ScoreColumn] = {}
    rows = []
    for contender, described in scores.items():
        own = described.get("scores", {})
        cells = {
            name: Cell(*(finite(one.get(end)) for end in ("value", "low", "high")))
            for name, one in own.items()
        }
        rows.append(ScoreRow(contender, "failed" if contender in failed else "contender", cells))
        for name, one in own.items():
            columns.setdefault(name, _column(name, one))
    for record in table[table["kind"] != "contender"].to_dict("records"):
        ends = {name: (name, f"{name}_low", f"{name}_high") for name in columns}
        cells = {name: Cell(*(finite(record.get(key)) for key in keys)) for name, keys in ends.items()}
        rows.append(ScoreRow(record["contender"], record["kind"], cells))
    board = Scoreboard(list(columns.values()), rows)
    return replace(board, rows=sorted(rows, key=partial(_place, board.first)))


def _column(name: str, score: Mapping[str, Any]) -> ScoreColumn:
    marks = {mark: score.get(mark, False) for mark in ("biased", "blind")}
    return ScoreColumn(name, KINDS[score["kind"]], score["passport"], score.get("seeds", 1), **marks)


def too_few(board: Scoreboard) -> str:
    """Name the scores that n is too small for; empty without any."""
    biased = [column for column in board.columns if column.biased]
    if not biased:
        return ""
    titles, ns = listed([c.kind.title for c in biased]), sorted({c.passport["n"] for c in biased})
    n = listed([f"{n:,}" for n in ns])
    return f"Too few images (n = {n}) for {titles}, biased at less than twice as many as features: shown, not counted."


def blind(board: Scoreboard) -> str:
    """Name the scores that do not tell faulty sets from real images here; empty without any."""
    found = [column for column in board.columns if column.blind]
    if not found:
        return ""
    tell = "does" if len(found) == 1 else "do"
    said = f"{listed([c.kind.title for c in found])} {tell} not surely tell these real images from their fourfold blur and from noise"
    ranked = ": no ranking here is to be believed." if board.first.blind else ": shown, not counted."
    return said + ranked


def blunt(board: Scoreboard) -> str:
    """Say so where held-out images lie so near to training images that copies would not stand out; else empty."""
    for column in board.tables.get("memorisation", ()):
        limit = column.passport.get("measured_by", {}).get("memorised_below", 1.0)
        if limit < BLUNT:
            return (
                f"{column.kind.title} says little here: some held-out images are near copies of training images "
                f"(limit {limit:.2g}, elsewhere above 0.3), so that copies among samples do not stand out."
            )
    return ""


def finite(value: Any) -> float | None:
    """Return a finite number as a float, anything else as None."""
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _place(first: ScoreColumn, row: ScoreRow) -> tuple[int, float]:
    value = row.cell(first.name).value
    sign = 1 if first.kind.better == "lower" else -1
    order = ("real images", "contender", "failed", "noise")
    return order.index(row.kind), math.inf if value is None else sign * value
