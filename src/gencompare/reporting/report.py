"""The report: one self-contained HTML page about one comparison."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

import pandas as pd
import plotly.graph_objects as go

from gencompare.reporting import figures, page, tables
from gencompare.reporting.answer import Answer, Standing, answer, leaders
from gencompare.reporting.contents import ReportContents

SECTIONS = {
    "samples": "Samples",
    "scores": "Scores",
    "trade-offs": "Quality against cost",
    "costs": "Costs",
    "training": "How training went",
    "interpolation": "Interpolation between samples",
    "trajectories": "From noise to sample",
    "neighbours": "Nearest training images",
    "failures": "Failures",
    "settings": "Settings",
    "reproduce": "How to reproduce this",
}

VALIDATION_AXES = ("train_seconds", "train_flops")

FILMS = {
    "interpolation": "Each row goes from one sample to another by interpolating the noise that they are made from. If "
    "a model generalises, every image between is plausible; if it has memorised images, a row jumps.",
    "trajectories": "Each row ends in a sample. Of a diffusion model it shows the predicted clean image as noise is "
    "removed; of a GAN or VAE, images for a latent vector that grows from zero to its full length.",
    "neighbours": "Top row: of the scored samples, those most like a copy, the worst first. Below each: the training "
    "images nearest to it. A sample that equals its neighbour is a copy.",
}


def render(contents: ReportContents) -> str:
    """Return the report as one HTML page that needs no network and no other file."""
    board, shared = scoreboard_of(contents), _shared_settings(contents)
    return page.template("report.html").render(
        contents=contents,
        board=board,
        answer=answer_of(contents),
        sections=SECTIONS,
        looks=contents.looks,
        marker=page.marker,
        figure_json=page.figure_json,
        plotly=page.plotly_bundle(),
        css=page.asset("report.css"),
        js=page.asset("report.js"),
        plots={
            name: drawn.update_layout(showlegend=False)
            for name, drawn in (_score_figures(contents) | _validation_figures(contents)).items()
        },
        validations={
            c.name: tables.validation_outcome(c.outcome["validations"])
            for c in contents.contenders
            if c.outcome.get("validations")
        },
        validated_by=_protocol(contents),
        curves=_curves(contents),
        costs=tables.cost_columns([c.cost for c in contents.contenders]),
        devices=sorted({str(c.cost["device"]) for c in contents.contenders if "device" in c.cost}),
        real=page.panel(contents.heldout.images, "{n} real images of the held-out split"),
        samples={
            c.name: page.panel(c.samples.images, f"{{n}} samples of {c.name}")
            for c in contents.contenders
            if c.samples
        },
        films=_films(contents),
        growth=_pictures(contents, "stages", "Samples of {} at the end of each resolution, one a row"),
        reconstructions=_pictures(
            contents,
            "reconstructions",
            "Real images, their reconstructions by {}, and interpolations between real images, one a row",
        ),
        film_texts=FILMS,
        shared_settings=shared,
        own_settings={
            c.name: {key: value for key, value in c.settings.items() if key not in shared}
            for c in contents.contenders
        },
        run_facts=page.facts({k: v for k, v in contents.provenance.items() if k != "command"}),
        card_facts=page.facts(contents.card),
        passports=page.passports({column.name: column.passport for column in board.columns}),
    )


def _shared_settings(contents: ReportContents) -> dict[str, object]:
    """Return the settings that all contenders have in common, where there are several."""
    first, *others = (c.settings for c in contents.contenders)
    return {
        key: value
        for key, value in first.items()
        if others and all(other.get(key, ...) == value for other in others)
    }


def scoreboard_of(contents: ReportContents) -> tables.Scoreboard:
    """Put the scores of a comparison in order."""
    scores = {c.name: c.scores for c in contents.contenders}
    return tables.scoreboard(contents.table, scores, contents.failures)


def answer_of(contents: ReportContents) -> Answer:
    """Answer the comparison's question by the first score, with other scores of quality as second opinions."""
    board = scoreboard_of(contents)
    first = board.first
    others = [column for column in board.columns if column.about_quality and column is not first]
    return answer(
        _standings(contents, board, first),
        first.full,
        first.kind.better,
        first.seeds,
        real_images=board.cell("real images", first.name).value,
        noise=board.cell("noise", first.name).value,
        opinions={
            column.kind.title: [
                s.name for s in leaders(_standings(contents, board, column), column.kind.better)
            ]
            for column in others
        },
    )


def _standings(
    contents: ReportContents, board: tables.Scoreboard, column: tables.ScoreColumn
) -> list[Standing]:
    return [
        Standing(
            c.name,
            **asdict(board.cell(c.name, column.name)),
            status=contents.failures.get(c.name, "finished"),
            cost=c.cost,
        )
        for c in contents.contenders
    ]


def report_figures(contents: ReportContents) -> dict[str, go.Figure]:
    """Draw the figures of the whole comparison, by name."""
    histories = {c.name: c.history for c in contents.contenders}
    return _score_figures(contents) | {
        "validation_curve": _validation_figures(contents)["validation_against_train_seconds"],
        "loss_curves": figures.curves(histories, "loss/", "loss", contents.looks),
        "health_curves": figures.curves(histories, "grad_norm/", "gradient norm", contents.looks),
    }


def _score_figures(contents: ReportContents) -> dict[str, go.Figure]:
    board = scoreboard_of(contents)
    first = board.first
    rows = [
        {"contender": row.name, "kind": row.kind} | asdict(row.cell(first.name))
        for row in board.rows
        if row.cell(first.name).value is not None
    ]
    scores = pd.DataFrame(rows, columns=["contender", "kind", "value", "low", "high"])
    costs = pd.DataFrame(
        [
            {"contender": c.name} | {axis: c.cost.get(axis) for axis in figures.COST_AXES}
            for c in contents.contenders
        ]
    )
    points = costs.merge(scores, on="contender")
    drawn = partial(figures.quality_against_cost, points, first.label, drawn_as=contents.looks)
    return {
        "score_bars": figures.score_bars(scores, first.label, contents.looks),
        "quality_against_compute": drawn("train_seconds"),
        "quality_against_sampling_cost": drawn("seconds_per_image"),
    }


def _validation_figures(contents: ReportContents) -> dict[str, go.Figure]:
    """Draw validation distances against what training had taken: curves of their own, for they are no scores."""
    rows = [
        {"contender": c.name, "kind": "failed" if c.name in contents.failures else "contender"}
        | {"value": point["validation_fd"], "low": None, "high": None}
        | {axis: point[axis] for axis in VALIDATION_AXES}
        for c in contents.contenders
        for point in c.outcome.get("validations", ())
    ]
    points = pd.DataFrame(rows, columns=["contender", "kind", "value", "low", "high", *VALIDATION_AXES])
    note = '<span style="font-size:11px">against training images, lower is better</span>'
    label = f"Validation distance<br>{note}"
    return {
        f"validation_against_{axis}": figures.quality_against_cost(points, label, axis, contents.looks)
        for axis in VALIDATION_AXES
    }


def _protocol(contents: ReportContents) -> str:
    """Say what validation distances were taken with."""
    found = {str(c.outcome["validated_by"]) for c in contents.contenders if "validated_by" in c.outcome}
    return " or ".join(sorted(found)) or "nobody was validated"


def _curves(contents: ReportContents) -> dict[str, dict[str, go.Figure]]:
    """Draw each contender's own curves, for pages of any width."""
    drawn = {"loss": "loss/", "gradient norm": "grad_norm/"}
    return {
        c.name: {
            what: figures.curves({c.name: c.history}, prefix, what, contents.looks)
            for what, prefix in drawn.items()
        }
        for c in contents.contenders
        if len(c.history)
    }


def _pictures(contents: ReportContents, kind: str, alt: str) -> dict[str, page.Picture]:
    """Embed one kind of picture of every contender that has it; `alt` names the contender as `{}`."""
    drawn = {c.name: getattr(c, kind) for c in contents.contenders}
    return {name: page.picture(image, alt.format(name)) for name, image in drawn.items() if image}


def _films(contents: ReportContents) -> dict[str, dict[str, page.Picture]]:
    """Collect, for each section of film strips, what each contender has."""
    alt = "Top row: samples of {}; below each the training images nearest to it"
    return {
        "interpolation": _pictures(
            contents, "interpolation", "Interpolations between samples of {}, one a row"
        ),
        "trajectories": _pictures(contents, "trajectory", "How samples of {} come about, one a row"),
        "neighbours": {
            c.name: page.neighbour_panel(c.neighbours.samples, c.neighbours.nearest, alt.format(c.name))
            for c in contents.contenders
            if c.neighbours
        },
    }
