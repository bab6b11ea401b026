"""The report across runs: how the scores of a comparison went from version to version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from gencompare.evaluation.kinds import title
from gencompare.evaluation.passport import differing
from gencompare.evaluation.ranks import surely_better
from gencompare.reporting import figures, page
from gencompare.reporting.formatting import listed
from gencompare.reporting.palette import looks
from gencompare.reporting.versions import ComparisonHistory, Version


def render_history(histories: Sequence[ComparisonHistory]) -> str:
    """Return the report across runs as one HTML page that needs no network and no other file."""
    views = [
        {
            "history": history,
            "summary": summary(history),
            "changes": changes(history),
            "looks": looks(history.contenders),
            "figure": plot(history),
        }
        for history in histories
    ]
    return page.template("history.html").render(
        views=views,
        change=change,
        title=title,
        figure_json=page.figure_json,
        marker=page.marker,
        plotly=page.plotly_bundle(),
        css=page.asset("report.css"),
        js=page.asset("report.js"),
    )


def history_table(histories: Sequence[ComparisonHistory]) -> pd.DataFrame:
    """Return every score of every version, a row each.

    `span` counts from 1: scores of one kind compare only within the same span. `change` is `better` or
    `worse` than in the version before where the intervals do not overlap.
    """
    return pd.DataFrame(
        [row for history in histories for kind in history.kinds for row in _rows(history, kind)]
    )


def change(versions: Sequence[Version], place: int, contender: str, kind: str) -> str:
    """Say whether a score is surely `better` or `worse` than one version before; empty where neither is sure."""
    now = versions[place].score(contender, kind)
    before = versions[place - 1].score(contender, kind) if place else None
    if now is None or before is None:
        return ""
    one, other = ((score["low"], score["high"]) for score in (now, before))
    if surely_better(one, other, now["better"]):
        return "better"
    return "worse" if surely_better(other, one, now["better"]) else ""


def summary(history: ComparisonHistory) -> tuple[str, str]:
    """Say in one sentence, of two parts, what came of the newest version by the score that decides."""
    kind = history.kinds[0]
    if len(history.versions) == 1:
        return "There is one version so far", "run the comparison again to have something to set beside it"
    spans = history.comparable_spans(kind)
    last, apart = spans[-1]
    if len(last) == 1:
        return (
            "The newest version cannot be set beside the one before",
            f"of its passport, {'; '.join(apart)}",
        )
    said: dict[str, list[str]] = {"better": [], "worse": [], "": []}
    for contender in last[-1].scores:
        if last[-2].score(contender, kind):
            said[change(last, len(last) - 1, contender, kind)].append(contender)
    words = {
        "better": "better than before",
        "worse": "worse than before",
        "": "as before, as far as one can tell",
    }
    parts = [f"{listed(said[key])} {what}" for key, what in words.items() if said[key]]
    return f"By {title(kind)}, the newest version against the one before", "; ".join(
        parts
    ) or "nobody is in both"


def changes(history: ComparisonHistory) -> list[tuple[Version, list[str]]]:
    """Name, for each version, the newest first, what differs from the one before, as far as it was recorded."""
    named = []
    for place, version in enumerate(history.versions):
        before = history.versions[place - 1] if place else None
        known = before and before.origin and version.origin
        named.append((version, _differences(before.origin, version.origin) if before and known else []))
    return named[::-1]


def plot(history: ComparisonHistory) -> go.Figure:
    """Draw the score that decides by version, a line for each contender and span."""
    kind = history.kinds[0]
    rows = [
        {"version": version.when, "contender": contender, "span": number} | dict(one)
        for number, (versions, _) in enumerate(history.comparable_spans(kind))
        for version in versions
        for contender in history.contenders
        if (one := version.score(contender, kind)) is not None
    ]
    label = f'{title(kind)}<br><span style="font-size:11px">{rows[0]["better"]} is better</span>'
    return figures.score_history(pd.DataFrame(rows), label, looks(history.contenders))


def _rows(history: ComparisonHistory, kind: str) -> Iterator[dict[str, Any]]:
    for number, (versions, _) in enumerate(history.comparable_spans(kind), start=1):
        for place, version in enumerate(versions):
            for contender in version.scores:
                one = version.score(contender, kind)
                if one is not None:
                    yield {
                        "comparison": history.comparison,
                        "image_set": history.image_set,
                        "version": version.name,
                        "git_commit": version.commit,
                        "contender": contender,
                        "kind": kind,
                        "score": one["name"],
                        "span": number,
                        "value": one["value"],
                        "low": one["low"],
                        "high": one["high"],
                        "change": change(versions, place, contender, kind),
                    }


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Name what differs between two origins; contenders that came or went are named, not spelt out."""
    old, new = before.get("settings", {}), after.get("settings", {})
    both = [name for name in new if name in old]
    found = [f"{name} is new" for name in new if name not in old]
    found += [f"{name} is gone" for name in old if name not in new]
    pair = [
        {key: value for key, value in origin.items() if key not in {"settings", "command", "answer"}}
        | {name: origin.get("settings", {})[name] for name in both}
        for origin in (before, after)
    ]
    return found + [f"{key}: {old} → {new}" for key, old, new in differing(*pair)]
