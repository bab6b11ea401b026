"""Nodes that bring a comparison's contenders together.

Their inputs come as `<contender>/<kind>`, such as `dcgan/scores`, for as many contenders as there are.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gencompare import evaluation
from gencompare.config import flatten
from gencompare.imagesets.arrays import Images, ImageSplits
from gencompare.provenance import provenance
from gencompare.reporting import figures
from gencompare.reporting.report import ContenderReport, Neighbours, ReportContents, render

SHOWN_SAMPLES = 64
SHOWN_NEIGHBOURS = 8


def tabulate_scores(reference: dict[str, Any], **made: Any) -> pd.DataFrame:
    """Put the scores of all contenders into one table, floor and ceiling beside them."""
    scores: dict[str | tuple[str, int], Any] = {
        name: kinds["scores"] for name, kinds in by_contender(made).items()
    }
    return evaluation.table(scores, reference)


def tabulate_costs(**made: Any) -> pd.DataFrame:
    """Put the costs of all contenders into one table, one row a contender."""
    rows = [
        {"contender": name} | {k: v for k, v in flatten(costs).items() if not k.startswith("parameters_by")}
        for name, costs in _costs(made).items()
    ]
    return pd.DataFrame(rows)


def draw_figures(**made: Any) -> tuple[go.Figure, go.Figure]:
    """Draw the loss and gradient norm curves of all contenders."""
    histories = {name: kinds["history"] for name, kinds in by_contender(made).items()}
    return figures.loss_curves(histories), figures.health_curves(histories)


def write_report(
    comparison: str,
    question: str,
    prepared: ImageSplits,
    reference: dict[str, Any],
    table: pd.DataFrame,
    **made: Any,
) -> str:
    """Write the report, one self-contained HTML page."""
    costs = _costs(made)
    contenders = [
        ContenderReport(
            name=name,
            family=kinds["settings"]["model"]["name"],
            settings=flatten(kinds["settings"]),
            status=kinds["cost"]["status"],
            history=kinds["history"],
            scores=kinds["scores"],
            cost=costs[name],
            samples=_first(kinds["samples"], SHOWN_SAMPLES),
            interpolation=kinds["interpolation"],
            trajectory=kinds["trajectory"],
            neighbours=_neighbours(kinds["samples"], prepared.train, kinds["scores"]),
        )
        for name, kinds in by_contender(made).items()
    ]
    command = (
        "kedro " + " ".join(sys.argv[1:]) if "kedro" in sys.argv[0] else f"kedro run --pipelines={comparison}"
    )
    contents = ReportContents(
        comparison=comparison,
        question=question,
        card=prepared.card,
        heldout=_first(prepared.heldout, SHOWN_SAMPLES),
        contenders=contenders,
        table=table,
        reference=reference,
        provenance=provenance() | {"command": command, "seed": contenders[0].settings["seed"]},
    )
    return render(contents)


def by_contender(made: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Nest inputs named `<contender>/<kind>`."""
    nested: dict[str, dict[str, Any]] = {}
    for key, value in made.items():
        contender, kind = key.split("/")
        nested.setdefault(contender, {})[kind] = value
    return nested


def _costs(made: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: kinds["cost"] | kinds["sampling_cost"] for name, kinds in by_contender(made).items()}


def _first(images: Images, n: int) -> Images:
    return Images(np.asarray(images.images[:n]), None if images.labels is None else images.labels[:n])


def _neighbours(samples: Images, train: Images, scores: dict[str, Any]) -> Neighbours:
    """Look up the training images that the scores found nearest to the first samples."""
    found = scores["neighbours"]
    chosen = np.array(found["samples"][:SHOWN_NEIGHBOURS])
    nearest = np.array(found["nearest"][:SHOWN_NEIGHBOURS])
    return Neighbours(samples.images[chosen], np.stack([train.images[row] for row in nearest]))
