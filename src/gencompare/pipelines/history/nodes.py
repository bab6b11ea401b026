"""The node that writes the report across runs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from gencompare.config.typed import choose
from gencompare.reporting.history import history_table, render_history
from gencompare.reporting.versions import nothing_yet, read_histories


def write_history(
    reports: Path, outputs: Path, comparison: str | None, dataset: str | None
) -> tuple[str, pd.DataFrame]:
    """Set the versions of one comparison side by side, or those of every comparison that has run."""
    found = sorted(folder.name for folder in reports.iterdir() if folder.is_dir())
    if comparison is not None and found:
        choose(dict.fromkeys(found, comparison), comparison, "comparison")
    histories = read_histories(reports, outputs, [comparison] if comparison else found, dataset)
    if not histories:
        raise nothing_yet(reports, comparison, dataset)
    return render_history(histories), history_table(histories)
