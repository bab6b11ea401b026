"""The one table of a comparison with its verdict, for a terminal, Markdown and LaTeX."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gencompare.reporting.formatting import duration
from gencompare.reporting.tables import Scoreboard, headline

WIDTH = 130
"""Characters a line where there is no terminal to ask."""

LATEX = str.maketrans(
    {"_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "±": r"$\pm$", "↓": r"$\downarrow$", "↑": r"$\uparrow$"}
    | {"–": "--", "∞": r"$\infty$", "−": r"$-$", "µ": r"$\mu$", "\u202f": r"\,"}
)


@dataclass(frozen=True)
class Summary:
    """What a reader wants to know first.

    Attributes:
        said: the verdict and what else must be known, a sentence or two each.
        heading: of the columns, the first of names.
        rows: as many cells each.
    """

    said: Sequence[str]
    heading: Sequence[str]
    rows: Sequence[Sequence[str]]


def summary(
    board: Scoreboard,
    said: Sequence[str] = (),
    costs: Mapping[str, Mapping[str, Any]] | None = None,
    failures: Collection[str] = (),
) -> Summary:
    """Write the headline scores of everyone, and what training and an image cost.

    Args:
        board: all scores.
        said: sentences that go before the table.
        costs: by contender, where there are any.
        failures: names of contenders that failed.
    """
    columns, costs = headline(board), costs or {}
    heading = ["", *(f"{column.kind.title} {column.arrow}" for column in columns)]
    heading += ["Training", "An image"] if costs else []
    rows = []
    for row in board.rows:
        name = f"{row.name} (failed)" if row.name in failures else row.name
        spent = costs.get(row.name, {})
        cells = [row.cell(column.name).plus_minus for column in columns]
        took = [duration(spent.get(key)) for key in ("train_seconds", "seconds_per_image")] if costs else []
        rows.append([name, *cells, *took])
    return Summary(said, heading, rows)


def markdown(table: Summary) -> str:
    """Return the table in GitHub's Markdown."""
    rule = ["---", *["---:"] * (len(table.heading) - 1)]
    lines = [f"| {' | '.join(cells)} |" for cells in (table.heading, rule, *table.rows)]
    return "\n".join(lines) + "\n"


def markdown_table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return any table in Markdown; a bar within a cell does not end it."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def latex(table: Summary) -> str:
    """Return the table in LaTeX, with the rules of booktabs."""
    lines = [
        rf"{' & '.join(cell.translate(LATEX) for cell in cells)} \\" for cells in (table.heading, *table.rows)
    ]
    body = [rf"\begin{{tabular}}{{l{'r' * (len(table.heading) - 1)}}}", r"\toprule", lines[0], r"\midrule"]
    return "\n".join([*body, *lines[1:], r"\bottomrule", r"\end{tabular}"]) + "\n"


def terminal(table: Summary) -> str:
    """Return verdict and table as a terminal shows them, in its width and, where it has them, colours."""
    tty = sys.stderr.isatty()
    buffer = io.StringIO()
    width = shutil.get_terminal_size().columns if tty else WIDTH
    console = Console(file=buffer, width=width, force_terminal=tty, highlight=False)
    drawn = Table(box=None, header_style="bold", pad_edge=False)
    for place, heading in enumerate(table.heading):
        drawn.add_column(Text(heading), justify="right" if place else "left", overflow="fold")
    for row in table.rows:
        drawn.add_row(*map(Text, row), style="dim" if row[0] in {"real images", "noise"} else None)
    for place, sentence in enumerate(table.said):
        console.print(Text(sentence, style="bold" if not place else ""))
    console.print()
    console.print(drawn)
    return buffer.getvalue()
