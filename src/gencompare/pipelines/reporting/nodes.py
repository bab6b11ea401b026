"""Nodes that bring a comparison's contenders together.

Their inputs come as `<training>/<kind>`, such as `dcgan/scores`, for as many trainings as there are.
"""

from __future__ import annotations

import io
import sys
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from gencompare import evaluation
from gencompare.config import flatten
from gencompare.imagesets.arrays import Images, ImageSplits
from gencompare.provenance import provenance
from gencompare.reporting.export import figure_pngs
from gencompare.reporting.report import ContenderReport, Neighbours, ReportContents, render, report_figures

SHOWN_SAMPLES = 64
SHOWN_NEIGHBOURS = 8


def tabulate_scores(reference: dict[str, Any], **made: Any) -> pd.DataFrame:
    """Put the scores of all trainings into one table, floor and ceiling beside them."""
    scores: dict[str | tuple[str, int], Any] = {
        (kinds["settings"]["contender"], kinds["settings"]["seed"]): kinds["scores"]
        for kinds in by_training(made).values()
    }
    return evaluation.table(scores, reference)


def tabulate_costs(**made: Any) -> pd.DataFrame:
    """Put the costs of all trainings into one table, one row each."""
    rows = []
    for kinds in by_training(made).values():
        left_out = ("parameters_by", "validations")
        costs = {k: v for k, v in flatten(_costs(kinds)).items() if not k.startswith(left_out)}
        rows.append({key: kinds["settings"][key] for key in ("contender", "seed")} | costs)
    return pd.DataFrame(rows)


def write_report(
    comparison: str,
    question: str,
    prepared: ImageSplits,
    reference: dict[str, Any],
    table: pd.DataFrame,
    **made: Any,
) -> dict[str, Any]:
    """Write the report, one self-contained HTML page, and its figures as files of their own."""
    trainings: dict[str, list[dict[str, Any]]] = {}
    for kinds in by_training(made).values():
        trainings.setdefault(kinds["settings"]["contender"], []).append(kinds)
    contenders = [_contender(name, kinds, prepared.train) for name, kinds in trainings.items()]
    command = (
        "kedro " + " ".join(sys.argv[1:]) if "kedro" in sys.argv[0] else f"kedro run --pipelines={comparison}"
    )
    origin = provenance() | {"command": command}
    contents = ReportContents(
        comparison=comparison,
        question=question,
        card=prepared.card,
        heldout=_first(prepared.heldout, SHOWN_SAMPLES),
        contenders=contenders,
        table=table,
        reference=reference,
        provenance=origin | {"seed": contenders[0].settings["seed"]},
    )
    drawn = report_figures(contents)
    pictures = {name: Image.open(io.BytesIO(png)) for name, png in figure_pngs(drawn).items()}
    settings = {training: kinds["settings"] for training, kinds in by_training(made).items()}
    recorded = origin | {"images": prepared.card["sha256"], "settings": settings}
    return {"report": render(contents), "pictures": pictures, "origin": recorded} | drawn


def by_training(made: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Nest inputs named `<training>/<kind>`."""
    nested: dict[str, dict[str, Any]] = {}
    for key, value in made.items():
        training, kind = key.split("/")
        nested.setdefault(training, {})[kind] = value
    return nested


def _contender(name: str, seeds: list[dict[str, Any]], train: Images) -> ContenderReport:
    """Bring one contender's seeds together: scores and costs of all, pictures and curves of the first."""
    first = seeds[0]
    verdicts = [kinds["cost"]["health"] for kinds in seeds]
    return ContenderReport(
        name=name,
        family=first["settings"]["model"]["name"],
        settings=flatten(first["settings"]),
        status=next((verdict for verdict in ("diverged", "collapsed") if verdict in verdicts), verdicts[0]),
        history=first["history"],
        scores=evaluation.combined([kinds["scores"] for kinds in seeds]),
        cost=_mean([_costs(kinds) for kinds in seeds]),
        samples=_first(first["samples"], SHOWN_SAMPLES),
        interpolation=first["interpolation"],
        trajectory=first["trajectory"],
        stages=first["stages"] if first["cost"].get("stages", 1) > 1 else None,
        neighbours=_neighbours(first["samples"], train, first["scores"]),
    )


def _costs(kinds: dict[str, Any]) -> dict[str, Any]:
    return kinds["cost"] | kinds["sampling_cost"]


def _mean(costs: list[dict[str, Any]]) -> dict[str, Any]:
    """Average the numbers over seeds; words are the first's."""
    return {
        name: float(np.mean([one[name] for one in costs if name in one]))
        if isinstance(value, float)
        else value
        for name, value in costs[0].items()
    }


def _first(images: Images, n: int) -> Images:
    return Images(np.asarray(images.images[:n]), None if images.labels is None else images.labels[:n])


def _neighbours(samples: Images, train: Images, scores: dict[str, Any]) -> Neighbours:
    """Look up the training images that the scores found nearest to the first samples."""
    found = scores["neighbours"]
    chosen = np.array(found["samples"][:SHOWN_NEIGHBOURS])
    nearest = np.array(found["nearest"][:SHOWN_NEIGHBOURS])
    return Neighbours(samples.images[chosen], np.stack([train.images[row] for row in nearest]))
