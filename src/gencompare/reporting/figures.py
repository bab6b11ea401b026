"""Plotly figures made of numbers. Pure functions; a contender looks the same in all."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from gencompare.evaluation.ranks import Interval, surely_better
from gencompare.reporting.answer import ABOUT_THE_SAME
from gencompare.reporting.curves import Curve
from gencompare.reporting.formatting import duration, plain, scaled
from gencompare.reporting.palette import DASHES, Look

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
INK, GRID, REFERENCE = "#1f2328", "#e3e5e8", "#6b7178"

MOST_TICKS = 6
MINUTES = (1, 2, 5, 10, 20, 60, 120, 300, 600, 1440)

COST_AXES: dict[str, tuple[str, Callable[[float], str]]] = {
    "train_seconds": ("training time", duration),
    "train_flops": ("training compute", partial(scaled, unit="FLOP")),
    "kimg": ("images seen in training", lambda kimg: scaled(1000 * kimg)),
}
LEAST_SHARE, LEAST_OF_CURVES = 500, 4
"""Distances below these parts of noise's and the curves' least are drawn there: logarithms have room for no other."""


def curves(
    histories: Mapping[str, pd.DataFrame], prefix: str, title: str, drawn_as: Mapping[str, Look]
) -> go.Figure:
    """Draw some columns of histories against `kimg`, a panel a contender: losses of two families do not compare.

    Args:
        histories: training history by contender, columns `kimg`, `<prefix><network>`, ...
        prefix: of the columns that are drawn, such as `loss/` or `grad_norm/`.
        title: what they hold.
        drawn_as: the look of each contender.
    """
    columns = min(3, max(1, len(histories)))
    rows = math.ceil(max(1, len(histories)) / columns)
    titles = list(histories) if len(histories) > 1 else None
    figure = make_subplots(rows, columns, subplot_titles=titles, vertical_spacing=0.28 / rows)
    named: set[str] = set()
    for place, (name, history) in enumerate(histories.items()):
        cell = {"row": place // columns + 1, "col": place % columns + 1}
        networks = [column for column in history.columns if column.startswith(prefix)]
        for line, column in enumerate(networks):
            network = column.removeprefix(prefix)
            figure.add_scatter(
                x=history["kimg"].tolist(),
                y=_finite(history[column]),
                name=network,
                legendgroup=network,
                showlegend=network not in named and len(networks) > 1,
                mode="lines",
                line={"color": drawn_as[name].colour, "width": 2, "dash": DASHES[line % len(DASHES)]},
                hovertemplate=f"{name}, {network}: %{{y:.4g}} at %{{x:.3g}} kimg<extra></extra>",
                **cell,
            )
            named.add(network)
        values = pd.Series(history[networks].to_numpy(float).ravel())
        figure.update_yaxes(**_scale(values, plain, log_from=50), **cell)
    figure.update_xaxes(title="thousand images seen", row=rows)
    figure.update_yaxes(title=title, col=1)
    _styled(figure, height=(80 if titles else 50) + 210 * rows)
    figure.update_xaxes(automargin=False)
    figure.update_yaxes(automargin=False)
    return figure.update_layout(
        margin_l=70, margin_t=60 if titles else 32, legend={"yref": "container", "y": 1, "yanchor": "top"}
    )


def quality_curves(of: Mapping[str, Curve], drawn_as: Mapping[str, Look]) -> go.Figure:
    """Draw quality against what training took, with bands, and real images and noise as lines.

    The first point, untrained, stands left of the others, for a logarithm has no 0. In `meta` is what a page needs
    to draw the other axes of COST_AXES instead of seconds: of each trace its x, of the layout the axes.

    Args:
        of: the curve of each contender.
        drawn_as: the look of each contender.
    """
    figure = go.Figure()
    noise = min((curve.noise for curve in of.values()), default=1.0)
    least = max(noise / LEAST_SHARE, min((min(c.values) for c in of.values()), default=0.0) / LEAST_OF_CURVES)
    axes: dict[str, dict[str, Any]] = {}
    for axis, (title, write) in COST_AXES.items():
        spent = [x for curve in of.values() for x in _from_untrained(curve.spent[axis])]
        scale = _scale(pd.Series(spent, dtype=float), write, log_from=0.0)
        axes[axis] = {"title": {"text": title, "standoff": 8}, **scale}
    for name, curve in of.items():
        look = drawn_as[name]
        across = {axis: _from_untrained(curve.spent[axis]) for axis in COST_AXES}
        ends = {axis: [*x, *x[::-1]] for axis, x in across.items()}
        figure.add_scatter(
            x=ends["train_seconds"],
            y=[max(y, least) for y in (*curve.highs, *reversed(curve.lows))],
            mode="lines",
            fill="toself",
            fillcolor=_faint(look.colour),
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
            meta={"contender": name, "x": ends},
        )
        when = [
            f"{duration(s)}, {scaled(1000 * k)} images"
            for s, k in zip(curve.spent["train_seconds"], curve.spent["kimg"], strict=True)
        ]
        figure.add_scatter(
            x=across["train_seconds"],
            y=[max(y, least) for y in curve.values],
            mode="lines+markers",
            line={"color": look.colour, "dash": look.dash, "width": 2},
            marker={"color": look.colour, "symbol": look.marker, "size": 9},
            name=name,
            text=[
                f"{plain(y)} {at}"
                for y, at in zip(curve.values, ["untrained", *(f"after {w}" for w in when[1:])], strict=True)
            ],
            hovertemplate=f"{name}: %{{text}}<extra></extra>",
            meta={"contender": name, "x": across},
        )
    note = '<span style="font-size:11px">kernel distance, lower is better</span>'
    heights = [
        max(y, least) for curve in of.values() for y in (*curve.values, curve.noise, curve.real_images)
    ]
    scale = _scale(pd.Series(heights, dtype=float), plain)
    figure.update_yaxes(title=f"Distance to training images<br>{note}", **scale)
    for what, x, side in (("noise", 1, "right"), ("real_images", 0, "left")):  # where hardly a curve is
        for value in sorted({getattr(curve, what) for curve in of.values()})[:1]:
            at = max(value, least)
            figure.add_hline(y=at, line={"color": REFERENCE, "width": 1, "dash": "dot"})
            figure.add_annotation(
                text=f"{what.replace('_', ' ')} {plain(value)}{' (below)' if value < least else ''}",
                xref="paper",
                x=x,
                y=math.log10(at) if scale["type"] == "log" else at,
                xanchor=side,
                yanchor="bottom",
                showarrow=False,
                font={"color": REFERENCE},
            )
    _styled(figure, height=420)
    figure.update_xaxes(**axes["train_seconds"])
    figure.update_yaxes(automargin=False)
    return figure.update_layout(meta={"axes": axes}, showlegend=True, margin_l=90)


def pareto(points: pd.DataFrame, label: str, better: str, drawn_as: Mapping[str, Look]) -> go.Figure:
    """Draw a score against the time an image takes: a mark the larger, the longer the training; bold, who is on the front.

    Args:
        points: columns `contender`, `value`, `low`, `high`, `seconds_per_image`, `train_seconds`, and `kind` where
            some are `failed`.
        label: of the score's axis.
        better: `lower` or `higher`: which value is better.
        drawn_as: the look of each contender.
    """
    points = points.dropna(subset=["seconds_per_image", "train_seconds", "value"])
    front = on_front(points[points["kind"] != "failed"], better)
    longest = points["train_seconds"].max()
    figure = go.Figure()
    for _, row in points.iterrows():
        look, name = drawn_as[row["contender"]], str(row["contender"])
        figure.add_scatter(
            x=[row["seconds_per_image"]],
            y=[row["value"]],
            error_y=_interval(row.to_frame().T, look.colour),
            mode="markers",
            marker=_marker(look, row) | {"size": 6 + 14 * math.sqrt(row["train_seconds"] / longest)},
            name=f"<b>{name}</b>" if name in front else _caption(row),
            hovertemplate=f"{name}: %{{y:.4g}}, {duration(row['train_seconds'])} of training, "
            f"{duration(row['seconds_per_image'])} an image<extra></extra>",
            cliponaxis=False,
            meta={"contender": name},
        )
    figure.update_xaxes(title="time per image", **_scale(points["seconds_per_image"], duration, log_from=0.0))
    figure.update_yaxes(title=label, **_scale(points["value"], plain))
    _styled(figure, height=420).update_yaxes(automargin=False)
    return figure.update_layout(showlegend=True, legend_itemsizing="constant", margin_l=90)


def on_front(points: pd.DataFrame, better: str) -> list[str]:
    """Name those that no other beats: in as little training time and time per image surely better, or as
    good as far as can be told and cheaper in one of the two.

    Times that are about the same are taken as equal, or whoever was a second sooner by chance would stand there.

    Args:
        points: columns `contender`, `value`, `low`, `high`, `train_seconds` and `seconds_per_image`; where an end of an
            interval is not known, the value alone counts.
        better: `lower` or `higher`.
    """
    rows = [
        (
            str(row["contender"]),
            (row["value"],) * 2 if pd.isna([row["low"], row["high"]]).any() else (row["low"], row["high"]),
            (row["train_seconds"], row["seconds_per_image"]),
        )
        for _, row in points.iterrows()
    ]

    def is_beaten(own: Interval, times: tuple[float, float]) -> bool:
        for _, other, others in rows:
            pairs = list(zip(others, times, strict=True))
            if any(theirs > ABOUT_THE_SAME * ours for theirs, ours in pairs):
                continue
            cheaper = any(ABOUT_THE_SAME * theirs < ours for theirs, ours in pairs)
            if surely_better(other, own, better) or (cheaper and not surely_better(own, other, better)):
                return True
        return False

    return [name for name, own, times in rows if not is_beaten(own, times)]


def score_bars(scores: pd.DataFrame, label: str, drawn_as: Mapping[str, Look]) -> go.Figure:
    """Draw one score of every contender with its interval, and those of real images and noise.

    Args:
        scores: columns `contender`, `value`, `low`, `high`, top row first, and `kind` where some are `failed`.
        label: of the score's axis.
        drawn_as: the look of each contender; names without one are drawn as references.
    """
    figure = go.Figure()
    for _, row in scores.iloc[::-1].iterrows():
        look = drawn_as.get(row["contender"], Look(REFERENCE, "solid", "line-ns"))
        figure.add_scatter(
            x=[row["value"]],
            y=[_caption(row)],
            error_x=_interval(row.to_frame().T, look.colour),
            mode="markers",
            marker=_marker(look, row),
            name=row["contender"],
            meta={"contender": row["contender"]},
            hovertemplate=f"{row['contender']}: %{{x:.4g}}<extra></extra>",
        )
    figure.update_xaxes(title=label, **_scale(scores["value"], plain))
    return _styled(figure, height=90 + 36 * len(scores)).update_layout(showlegend=False)


def score_history(scores: pd.DataFrame, label: str, drawn_as: Mapping[str, Look]) -> go.Figure:
    """Draw one score by version, a line a contender that is cut where scores do not compare.

    Args:
        scores: columns `version`, `contender`, `span` (a line ends with it), `value`, `low`, `high`; the
            oldest version first.
        label: of the score's axis.
        drawn_as: the look of each contender.
    """
    figure = go.Figure()
    for (name, _), rows in scores.groupby(["contender", "span"], sort=False):
        look = drawn_as[str(name)]
        figure.add_scatter(
            x=rows["version"].tolist(),
            y=rows["value"].tolist(),
            error_y=_interval(rows, look.colour),
            mode="lines+markers",
            line={"color": look.colour, "dash": look.dash, "width": 2},
            marker={"color": look.colour, "symbol": look.marker, "size": 10},
            name=name,
            hovertemplate=f"{name}: %{{y:.4g}} at %{{x}}<extra></extra>",
        )
    order = scores["version"].drop_duplicates().tolist()
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=order, nticks=MOST_TICKS)
    figure.update_yaxes(title=label, **_scale(scores["value"], plain))
    return _styled(figure, height=420).update_layout(showlegend=False)


def _caption(row: pd.Series) -> str:
    return f"{row['contender']} (failed)" if row.get("kind") == "failed" else str(row["contender"])


def _marker(look: Look, row: pd.Series) -> dict[str, Any]:
    """Return a contender's marker, hollow where it failed."""
    symbol = f"{look.marker}-open" if row.get("kind") == "failed" else look.marker
    return {"color": look.colour, "symbol": symbol, "size": 12, "line": {"width": 2, "color": look.colour}}


def _interval(rows: pd.DataFrame, colour: str) -> dict[str, Any]:
    value = rows["value"].astype(float)
    up, down = rows["high"].astype(float) - value, value - rows["low"].astype(float)
    ends: dict[str, Any] = {"array": up.fillna(0.0).tolist(), "arrayminus": down.fillna(0.0).tolist()}
    ends["visible"] = bool(up.notna().any() or down.notna().any())
    return {"type": "data", "symmetric": False, "color": colour, "thickness": 1.5, "width": 5} | ends


def _scale(values: pd.Series, write: Callable[[float], str], log_from: float = 8.0) -> dict[str, Any]:
    """Return axis settings: logarithmic where positive values span more than a factor, labelled in words."""
    values = values[values.map(math.isfinite)]
    if not len(values) or values.min() <= 0 or values.max() <= log_from * values.min():
        return {"type": "linear"}
    low, high = values.min(), values.max()
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [
        float(f"{step}e{decade}") for decade in decades for step in ((1, 2, 5) if len(decades) <= 4 else (1,))
    ]
    if write is duration:
        ticks = [tick for tick in ticks if tick <= 20] + [60.0 * minutes for minutes in MINUTES]
    ticks = [tick for tick in ticks if low / 1.5 <= tick <= high * 1.5] if high > 4 * low else [low, high]
    ticks = ticks[:: math.ceil(len(ticks) / MOST_TICKS)]
    return {"type": "log", "tickvals": ticks, "ticktext": [write(tick) for tick in ticks]}


def _from_untrained(spent: Sequence[float]) -> list[float]:
    """Put the untrained point, which took nothing, a step left of the first one."""
    return [spent[1] / 2 if len(spent) > 1 else 1.0, *spent[1:]]


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.15)"


def _finite(values: pd.Series) -> list[float | None]:
    """Return values as a plain list, a gap where one is not finite: JSON knows no NaN."""
    return [float(value) if math.isfinite(value) else None for value in values]


def _styled(figure: go.Figure, height: int) -> go.Figure:
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 56, "r": 16, "t": 32, "b": 48},
        font={"family": FONT, "size": 13, "color": INK},
        paper_bgcolor="#ffffff",
        plot_bgcolor="#ffffff",
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        hoverlabel={"font": {"family": FONT}},
    )
    axis = {
        "gridcolor": GRID,
        "linecolor": GRID,
        "zeroline": False,
        "ticks": "outside",
        "tickcolor": GRID,
        "automargin": True,
        "tickangle": 0,
    }
    figure.update_xaxes(axis, title_standoff=8)
    figure.update_yaxes(axis, title_standoff=8)
    figure.update_annotations(font_size=13)
    return figure
