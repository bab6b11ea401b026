"""Nodes that bring a comparison's contenders together: what each has come to, then all side by side."""

from __future__ import annotations

import io
import sys
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from gencompare import evaluation
from gencompare.config.typed import flatten
from gencompare.imagesets.arrays import Images, ImageSplits
from gencompare.provenance import provenance
from gencompare.reporting.export import figure_pngs
from gencompare.reporting.report import ContenderReport, Neighbours, ReportContents, render, report_figures

SHOWN_SAMPLES = 64
SHOWN_NEIGHBOURS = 8


def gather(
    settings: dict[str, Any],
    prepared: ImageSplits,
    samples: Images,
    scores: dict[str, Any],
    cost: dict[str, Any],
    sampling_cost: dict[str, Any],
    **made: Any,
) -> dict[str, Any]:
    """Gather what one training has come to: of samples the first, and the training images nearest to some."""
    return made | {
        "settings": settings,
        "scores": scores,
        "cost": cost | sampling_cost,
        "samples": _first(samples, SHOWN_SAMPLES),
        "neighbours": _neighbours(samples, prepared.train, scores),
    }


def tabulate_scores(reference: dict[str, Any], **results: dict[str, Any]) -> pd.DataFrame:
    """Put the scores of all trainings into one table, floor and ceiling beside them."""
    scores: dict[str | tuple[str, int], Any] = {
        (one["settings"]["contender"], one["settings"]["seed"]): one["scores"] for one in results.values()
    }
    return evaluation.table(scores, reference)


def tabulate_costs(**results: dict[str, Any]) -> pd.DataFrame:
    """Put the costs of all trainings into one table, one row each."""
    rows = []
    for one in results.values():
        left_out = ("parameters_by", "validations")
        costs = {k: v for k, v in flatten(one["cost"]).items() if not k.startswith(left_out)}
        rows.append({key: one["settings"][key] for key in ("contender", "seed")} | costs)
    return pd.DataFrame(rows)


def write_report(
    comparison: str,
    question: str,
    prepared: ImageSplits,
    reference: dict[str, Any],
    table: pd.DataFrame,
    **results: dict[str, Any],
) -> dict[str, Any]:
    """Write the report, one self-contained HTML page, and its figures as files of their own."""
    trainings: dict[str, list[dict[str, Any]]] = {}
    for one in results.values():
        trainings.setdefault(one["settings"]["contender"], []).append(one)
    contenders = [_contender(name, seeds) for name, seeds in trainings.items()]
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
    settings = {training: one["settings"] for training, one in results.items()}
    recorded = origin | {"images": prepared.card["sha256"], "settings": settings}
    return {"report": render(contents), "pictures": pictures, "origin": recorded} | drawn


def _contender(name: str, seeds: list[dict[str, Any]]) -> ContenderReport:
    """Bring one contender's seeds together: scores and costs of all, pictures and curves of the first."""
    first = seeds[0]
    verdicts = [one["cost"]["health"] for one in seeds]
    return ContenderReport(
        name=name,
        family=first["settings"]["model"]["name"],
        settings=flatten(first["settings"]),
        status=next((verdict for verdict in ("diverged", "collapsed") if verdict in verdicts), verdicts[0]),
        history=first["history"],
        scores=evaluation.combined([one["scores"] for one in seeds]),
        cost=_mean([one["cost"] for one in seeds]),
        samples=first["samples"],
        interpolation=first["interpolation"],
        trajectory=first["trajectory"],
        reconstructions=first["reconstructions"] if "reconstruction_error" in first["cost"] else None,
        stages=first["stages"] if first["cost"].get("stages", 1) > 1 else None,
        neighbours=first["neighbours"],
    )


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
