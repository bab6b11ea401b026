"""Whether two extractors put the contenders of a run in the same order, and which of them goes with the exact scores.

Kernel distance by the default extractor and by the one that learnt the run's own images, of all contenders and seeds of
a run that lies here: means over seeds, the share of pairs on which the two agree, of trainings and of means, and, on
squares, how either orders them beside the share of valid squares (Spearman).

    kedro run --pipeline=gan_compare --seeds=3
    python benchmarks/two_extractors.py data/08_reporting/gan_compare/squares
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
from scipy.stats import spearmanr
from turns import say

from gencompare.evaluation.ranks import agreement

EXACT = "squares_valid"


def agreeing(first: pd.Series, second: pd.Series) -> str:
    """Return on how many pairs of rows two columns agree which is less."""
    points = [{name: (value, value) for name, value in column.items()} for column in (first, second)]
    same, opposite, undecided = agreement(*points, "lower")
    pairs = same + len(opposite) + undecided
    return f"{same} of {pairs} ({same / pairs:.0%})"


def correlation(distance: pd.Series, exact: pd.Series) -> str:
    """Return Spearman's ρ of being nearer and of more valid squares."""
    return f"{spearmanr(-distance, exact).statistic:.2f}"


def main() -> None:
    """Print the table and what it comes to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reports", type=Path, help="data/08_reporting/<comparison>/<image set>")
    asked = parser.parse_args()
    rows = pd.read_csv(max(asked.reports.glob("scores.csv/*/scores.csv")))
    rows = rows[rows["kind"] == "contender"].reset_index(drop=True)
    distances = [
        name for name in rows if name.startswith("kid_") and not name.endswith(("_low", "_high", "_rank"))
    ]
    default, learnt = sorted(distances, key=lambda name: name.startswith("kid_learnt"))
    shown = [default, learnt, *([EXACT] if EXACT in rows else [])]
    means = rows.groupby("contender")[shown].mean().sort_values(default)
    say(f"| contender | {' | '.join(shown)} |\n| --- |{' ---: |' * len(shown)}")
    for name, row in means.iterrows():
        say(f"| {name} | {' | '.join(f'{value:.3g}' for value in row)} |")
    for what, table in (("trainings", rows), ("means over seeds", means)):
        say(f"\n{what}: they agree on {agreeing(table[default], table[learnt])} pairs")
        if EXACT in table:
            for name in (default, learnt):
                say(f"  {name} with {EXACT}: {correlation(table[name], table[EXACT])}")


if __name__ == "__main__":
    main()
