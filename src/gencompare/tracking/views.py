"""How MLflow's pages open on a comparison: its contenders, each averaged over its seeds, by the scores that decide.

MLflow keeps a page that is to be shared as a tag of the experiment, and opens it by the key that the address names. What
such a tag may hold is not documented; it was read off MLflow 3.17. What it does not know it leaves out, and where there
is no such key it opens its plain list.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

TAG = "mlflow.sharedViewState."
NEWEST = "newest"
"""Key of the comparison that ran last."""

COLUMNS = ("train_seconds", "seconds_per_image")
SECTION = "scores"


def view_key(comparison: str, image_set: str) -> str:
    """Return the key of a comparison's newest run."""
    return f"{comparison}.{image_set}"


def view_state(runs: Sequence[str], scores: Sequence[str]) -> str:
    """Return what the page of a comparison holds: a row and a colour a contender, columns, charts.

    Args:
        runs: MLflow's ids of its trainings.
        scores: names of the metrics to show, the one that decides first.
    """
    shown = ", ".join(f"'{run}'" for run in runs)
    charts = [_bars(scores[0]), _curve("validation_kid"), *map(_bars, [*scores[1:], "train_seconds"])]
    state = {
        "searchFilter": f"attributes.run_id IN ({shown})",
        "groupBy": {
            "aggregateFunction": "average",
            "groupByKeys": [{"mode": "tag", "groupByData": "contender"}],
        },
        "selectedColumns": [f"metrics.`{metric}`" for metric in (*scores, *COLUMNS)],
        "compareRunSections": [{"uuid": SECTION, "name": "Scores and curves", "display": True}],
        "compareRunCharts": charts,
        "isAccordionReordered": True,  # else its own sections come first, by the alphabet
        "runsHiddenMode": "SHOW_ALL",
    }
    return json.dumps(state)


def _bars(metric: str) -> dict[str, Any]:
    return {
        "uuid": f"{SECTION}.{metric}",
        "type": "BAR",
        "metricKey": metric,
        "metricSectionId": SECTION,
        "runsCountToCompare": 20,
        "deleted": False,
        "isGenerated": False,
    }


def _curve(metric: str) -> dict[str, Any]:
    return _bars(metric) | {
        "type": "LINE",
        "xAxisKey": "step",
        "xAxisScaleType": "linear",
        "scaleType": "log",
        "range": {},
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "selectedYAxisMetrics": [],
        "selectedXAxisMetricKey": "",
        "lineSmoothness": 0,
    }
