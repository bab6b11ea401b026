"""Nodes that bring a comparison's contenders together: what each has come to, then all side by side."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import pandas as pd

from gencompare.comparisons import Claim
from gencompare.evaluation.bench import one_a_photo, rows
from gencompare.evaluation.passport import RULES
from gencompare.evaluation.table import score_table
from gencompare.imagesets.arrays import Images, ImageSplits
from gencompare.provenance import provenance
from gencompare.reporting.claims import judged
from gencompare.reporting.contents import ReportContents, contender_reports, neighbours_shown
from gencompare.reporting.export import figure_pngs
from gencompare.reporting.report import render, report_figures, summary_of
from gencompare.reporting.summary import latex, markdown, terminal

logger = logging.getLogger(__name__)

SHOWN_SAMPLES = 64


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
        "samples": rows(samples, slice(SHOWN_SAMPLES)),
        "neighbours": neighbours_shown(samples, prepared.train, scores["neighbours"]),
    }


def tabulate_scores(reference: dict[str, Any], **results: dict[str, Any]) -> pd.DataFrame:
    """Put the scores of all trainings into one table, those of real images and noise beside them."""
    scores: dict[str | tuple[str, int], Any] = {
        (one["settings"]["contender"], one["settings"]["seed"]): one["scores"] for one in results.values()
    }
    return score_table(scores, reference)


def tabulate_costs(**results: dict[str, Any]) -> pd.DataFrame:
    """Put the costs of all trainings into one table, one row each."""
    costs = []
    for one in results.values():
        training = {key: one["settings"][key] for key in ("contender", "seed")}
        costs.append(training | {k: v for k, v in one["cost"].items() if k != "parameters_by_network"})
    return pd.DataFrame(costs)


def write_report(
    comparison: str,
    question: str,
    claims: Sequence[Claim],
    claims_about: str,
    prepared: ImageSplits,
    table: pd.DataFrame,
    **results: dict[str, Any],
) -> dict[str, Any]:
    """Write the report, one self-contained HTML page, its figures and its table as files of their own, and say what
    came out."""
    origin = {"command": f"kedro run --pipeline={comparison}"} | provenance() | {"scoring_rules": str(RULES)}
    contents = ReportContents(
        comparison=comparison,
        question=question,
        card=prepared.card,
        heldout=one_a_photo(prepared.heldout, SHOWN_SAMPLES),
        contenders=contender_reports(results.values()),
        table=table,
        provenance=origin,
        claims=claims,
        claims_about=claims_about,
    )
    figures = report_figures(contents)
    settings = {training: one["settings"] for training, one in results.items()}
    in_short = summary_of(contents)
    verdicts = [asdict(one) for one in judged(contents)]
    answer = {
        "question": question,
        "said": list(in_short.said),
        "failed": {name: failure.status for name, failure in contents.failures.items()},
        "claims": verdicts,
    }
    recorded = origin | {"images": prepared.card["sha256"], "settings": settings, "answer": answer}
    logger.info("\n%s", terminal(in_short))
    written = {"markdown": markdown(in_short), "latex": latex(in_short)}
    with ThreadPoolExecutor(1) as thread:  # a browser takes seconds to start
        pictures = thread.submit(figure_pngs, figures)
        report = render(contents)
    return {
        "report": report,
        "pictures": pictures.result(),
        "origin": recorded,
        **written,
        **figures,
    }
