"""Whether "best by budget", read off the curves of one run, is what separate runs of those budgets give.

A point of a curve is on the way to the end of a longer training: its learning rate has not fallen yet. Who plans for a
short budget lets it fall in time. Here a comparison that has run is run again, in a copy of the project, with shares of
every contender's images, and the answers are held against each other.

    kedro run --pipeline=fashion_compare
    python -W ignore benchmarks/answer_by_budget.py --comparison fashion_compare

It prints each contender's kernel distance at every share, from both, and who leads by each.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from kedro_run import PROJECT, copy, kedro_run
from turns import load, say

from gencompare.files import read_json
from gencompare.reporting.curves import Curve, at, by_budget, over_seeds

SHARES = (0.125, 0.25, 0.5)


def curves_of(models: Path) -> dict[str, Curve]:
    """Read the newest curve of every contender of a comparison on an image set, first seeds only.

    Args:
        models: their folder, `data/06_models/<comparison>/<image set>`.
    """
    found = {
        folder.parent.name: over_seeds([read_json(max(folder.glob("*/curve.json")))])
        for folder in sorted(models.glob("*/curve.json"))
        if "_repeat" not in folder.parent.name
    }
    return {name: curve for name, curve in found.items() if curve is not None}


def from_the_curve(curve: Curve, share: float) -> float:
    """Return its distance at a share of its images."""
    return at(curve, curve.values, share * curve.spent["kimg"][-1], "kimg")


def said(whole: Mapping[str, Curve], share: float) -> tuple[str, ...]:
    """Return who leads at a share of the budget by the report of the whole run."""
    seconds = share * float(np.median([curve.spent["train_seconds"][-1] for curve in whole.values()]))
    spans = by_budget(whole)
    return next((span.leaders for span in reversed(spans) if span.start <= seconds), spans[0].leaders)


def verdict(said: Sequence[str], found: Sequence[str]) -> str:
    """Say how two answers go together."""
    if set(said) == set(found):
        return "the same"
    return "overlap" if set(said) & set(found) else "**differ**"


def main() -> None:
    """Run the shares and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--comparison", default="gan_compare")
    parser.add_argument("--images", help="the folder of its image set, where it has run on several")
    parser.add_argument("--shares", nargs="+", type=float, default=list(SHARES))
    parser.add_argument("--project", type=Path, default=PROJECT, help="where the comparison has run")
    parser.add_argument(
        "options", nargs="*", help="of kedro run, as that run had: -- --dataset=fashion_mnist"
    )
    asked = parser.parse_args()
    (place,) = (asked.project / "data/06_models" / asked.comparison).glob(asked.images or "*")
    whole = curves_of(place)
    separate: dict[float, dict[str, Curve]] = {}
    with copy() as project:
        if (source := asked.project / "data/01_raw").is_dir():
            shutil.copytree(source, project / "data/01_raw", symlinks=True)
        for share in asked.shares:
            given = {
                f"contenders.{name}.training.kimg": share * curve.spent["kimg"][-1]
                for name, curve in whole.items()
            }
            given["evaluation.samples"] = 64  # of scores, which are not looked at
            kedro_run(
                project,
                f"--pipelines={asked.comparison}",
                f"--contenders={','.join(whole)}",
                f"--params={','.join(f'{key}={value:.6g}' for key, value in given.items())}",
                *asked.options,
            )
            separate[share] = curves_of(project / place.relative_to(asked.project))
    say("| share of the budget | contender | from the curve of the whole run | separate run |")
    say("| --- | --- | --- | --- |")
    for share, curves in separate.items():
        for name, curve in curves.items():
            half = curve.highs[-1] - curve.values[-1]
            ends = f"{curve.values[-1]:.3f} ± {half:.3f}"
            say(f"| {share:g} | {name} | {from_the_curve(whole[name], share):.3f} | {ends} |")
    say("\n| share of the budget | the report says | separate runs say | |")
    say("| --- | --- | --- | --- |")
    for share, curves in separate.items():
        report, runs = said(whole, share), by_budget(curves)[-1].leaders
        say(
            f"| {share:g} | {', '.join(report) or '–'} | {', '.join(runs) or '–'} | {verdict(report, runs)} |"
        )
    say(f"\n{load()}")


if __name__ == "__main__":
    main()
