"""The report: one self-contained HTML page about one comparison."""

from __future__ import annotations

from dataclasses import asdict, replace

import pandas as pd
import plotly.graph_objects as go

from gencompare.evaluation.ranks import surely_better
from gencompare.reporting import chances, claims, figures, page, tables
from gencompare.reporting.answer import Answer, Opinion, answer
from gencompare.reporting.budgets import how_busy, what_was_equal
from gencompare.reporting.contents import ReportContents
from gencompare.reporting.curves import answer_by_budget
from gencompare.reporting.formatting import listed, percent
from gencompare.reporting.lineage import key_settings, lineage
from gencompare.reporting.profile import alerts
from gencompare.reporting.summary import Summary, summary

SECTIONS = {
    "samples": "Samples",
    "curves": "Quality while training",
    "scores": "Scores",
    "claims": "Claims",
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

AXES = {"train_seconds": "training time", "train_flops": "compute", "kimg": "images seen"}

COPIES = 2.0
"""So many times as often as real images must samples stand out as near to one training image, to be called copies."""

FILMS = {
    "interpolation": "Each row goes from one sample to another by interpolating the noise that they are made from. "
    "A row may jump where the noise also chooses among parts, as that of a mixture does: that is no sign of copying.",
    "trajectories": "Each row ends in a sample. Of a diffusion model it shows the predicted clean image as noise is "
    "removed; of a GAN or VAE, images for a latent vector that grows from zero to its full length.",
    "neighbours": "Top row: of the scored samples, those most like a copy, the worst first. Below each: the training "
    "images nearest to it. A sample that equals its neighbour is a copy.",
}


def render(contents: ReportContents) -> str:
    """Return the report as one HTML page that needs no network and no other file."""
    board, shared = contents.board, _shared_settings(contents)
    costs = {c.name: c.cost for c in contents.contenders}
    curves = {c.name: c.curve for c in contents.contenders if c.curve}
    return page.template("report.html").render(
        contents=contents,
        board=board,
        answer=answer_of(contents),
        copies=copies(contents),
        remarks=_remarks(contents),
        claims=claims.judged(contents),
        alerts=alerts(contents.card),
        headline=tables.headline(board),
        chances=_chances(contents),
        lineages={c.name: lineage(c.settings) for c in contents.contenders},
        key_settings={c.name: key_settings(c.settings, shared) for c in contents.contenders},
        by_name={c.name: c for c in contents.contenders},
        axes=AXES,
        scrubbers=_scrubbers(contents),
        curve_points=max((len(curve.values) for curve in curves.values()), default=0),
        validated_by=_protocol(contents),
        front=_front(contents),
        sections=SECTIONS,
        looks=contents.looks,
        marker=page.marker,
        figure_json=page.figure_json,
        plotly=page.plotly_bundle(),
        css=page.asset("report.css"),
        js=page.asset("report.js"),
        plots={
            name: drawn.update_layout(showlegend=False) for name, drawn in _score_figures(contents).items()
        },
        curves=_curves(contents),
        costs=tables.cost_columns(list(costs.values())),
        devices=sorted({str(c.cost["device"]) for c in contents.contenders if "device" in c.cost}),
        real=page.panel(contents.heldout.images, "{n} real images of the held-out split"),
        first_real=page.panel(contents.heldout.images, "{n} real images of the held-out split", rows=1),
        first_samples={
            c.name: page.panel(c.samples.images, f"The first {{n}} samples of {c.name}", rows=1)
            for c in contents.contenders
            if c.samples
        },
        samples={
            c.name: page.panel(c.samples.images, f"{{n}} samples of {c.name}")
            for c in contents.contenders
            if c.samples
        },
        films=_films(contents),
        growth=_pictures(
            contents, "stages", "Samples of {} at the end of each stage of its training, one a row"
        ),
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


def answer_of(contents: ReportContents) -> Answer:
    """Answer the comparison's question by the first score, with all others that judge samples as second opinions; who
    leads by copying is said to."""
    board, first = contents.board, contents.board.first
    others = [column for column in _opinionated(board) if column is not first]
    likely = _chances(contents)
    said = answer(
        contents.standings(first),
        first.full,
        first.kind.better,
        first.seeds,
        real_images=board.cell("real images", first.name).value,
        noise=board.cell("noise", first.name).value,
        opinions={
            column.kind.title: Opinion(contents.standings(column), column.kind.better) for column in others
        },
        second=contents.standings(board.second) if board.second else (),
        chances={"score": likely.get(first.name, {}), "together": likely.get("together", {})},
    )
    copied = [name for name in said.ahead if name in copiers(contents)]
    if not copied:
        return said
    copy = "copies" if len(copied) == 1 else "copy"
    return replace(said, verdict=f"{said.verdict}, but {listed(copied)} {copy} training images")


def summary_of(contents: ReportContents) -> Summary:
    """Return the verdict with what must be known beside it, and the one table."""
    said = answer_of(contents)
    verdict = f"{said.verdict}: {said.evidence}." if said.evidence else f"{said.verdict}."
    copied = copies(contents)
    lines = [verdict, *([copied] if copied else ()), *_remarks(contents), *said.doubts]
    costs = {c.name: c.cost for c in contents.contenders}
    return summary(contents.board, lines, costs, contents.failures)


def _remarks(contents: ReportContents) -> list[str]:
    """Say what else must be known beside the verdict, a line each: who leads when, what was equal, which scores to doubt."""
    costs = {c.name: c.cost for c in contents.contenders}
    lines = (
        _by_budget(contents),
        what_was_equal(costs),
        how_busy(costs),
        tables.too_few(contents.board),
        tables.blind(contents.board),
        tables.blunt(contents.board),
    )
    return [line for line in lines if line]


def copiers(contents: ReportContents) -> dict[str, float]:
    """Return, of contenders whose samples surely stand out as near to a training image more often than real images do,
    how often; of those that failed that is not said: blots may lie nearest to one image."""
    board = contents.board
    if "memorisation" not in board.tables:
        return {}
    column, *_ = board.tables["memorisation"]
    real = board.cell("real images", column.name)
    found = {}
    for c in (c for c in contents.contenders if c.name not in contents.failures):
        own = board.cell(c.name, column.name)
        if (
            own.value is not None
            and real.value is not None
            and surely_better(real.interval, own.interval, "lower")
            and own.value > COPIES * real.value
        ):
            found[c.name] = own.value
    return found


def copies(contents: ReportContents) -> str:
    """Name who copies training images, and how often; empty where nobody does."""
    found = copiers(contents)
    if not found:
        return ""
    column, *_ = contents.board.tables["memorisation"]
    real = contents.board.cell("real images", column.name).value
    shares = listed([f"{percent(share)} of the samples of {name}" for name, share in found.items()])
    return f"Copies training images: {shares} stand out as near to one (real images: {percent(real)})."


def _opinionated(board: tables.Scoreboard) -> list[tables.ScoreColumn]:
    """Return the scores that say something of whose samples are better."""
    silent = {"memorisation", "reconstruction"}
    return [c for c in board.columns if c.kind.measures not in silent and c.decides]


def _chances(contents: ReportContents) -> dict[str, dict[str, float]]:
    """Return how probably each ranked contender is the best, by each score and by all `together`."""
    ranked = [c.name for c in contents.contenders if c.name not in contents.failures]
    scores = {
        column.name: (
            column.kind.better,
            {name: seeds for name, seeds in contents.by_seed(column).items() if name in ranked},
        )
        for column in _opinionated(contents.board)
    }
    return chances.best(scores) if scores and len(ranked) > 1 else {}


def _by_budget(contents: ReportContents) -> str:
    """Say who leads at which budget, of those that did not fail."""
    sound = [c for c in contents.contenders if c.name not in contents.failures]
    return answer_by_budget({c.name: c.curve for c in sound if c.curve is not None})


def report_figures(contents: ReportContents) -> dict[str, go.Figure]:
    """Draw the figures of the whole comparison, by name."""
    histories = {c.name: c.history for c in contents.contenders}
    return _score_figures(contents) | {
        "loss_curves": figures.curves(histories, "loss/", "loss", contents.looks),
        "health_curves": figures.curves(histories, "grad_norm/", "gradient norm", contents.looks),
    }


def _score_figures(contents: ReportContents) -> dict[str, go.Figure]:
    board, first = contents.board, contents.board.first
    rows = [
        {"contender": row.name, "kind": row.kind} | asdict(row.cell(first.name))
        for row in board.rows
        if row.cell(first.name).value is not None
    ]
    scores = pd.DataFrame(rows, columns=["contender", "kind", "value", "low", "high"])
    points = scores.merge(_costs(contents), on="contender")
    return {
        "score_bars": figures.score_bars(scores, first.label, contents.looks),
        "quality_curves": figures.quality_curves(
            {c.name: c.curve for c in contents.contenders if c.curve}, contents.looks
        ),
        "pareto": figures.pareto(points, first.label, first.kind.better, contents.looks),
    }


def _costs(contents: ReportContents) -> pd.DataFrame:
    keys = ("train_seconds", "seconds_per_image")
    return pd.DataFrame(
        [{"contender": c.name} | {key: c.cost.get(key) for key in keys} for c in contents.contenders]
    )


def _front(contents: ReportContents) -> list[str]:
    """Name the contenders that no other beats in score, training time and time per image at once."""
    board = contents.board
    rows = [
        {"contender": row.name} | asdict(row.cell(board.first.name))
        for row in board.rows
        if row.kind == "contender"
    ]
    known = pd.DataFrame(rows, columns=["contender", "value", "low", "high"]).merge(
        _costs(contents), on="contender"
    )
    needed = ["value", "train_seconds", "seconds_per_image"]
    return figures.on_front(known.dropna(subset=needed), board.first.kind.better)


def _scrubbers(contents: ReportContents) -> dict[str, page.Scrubber]:
    """Return what shows each contender's samples at each point of its training."""
    return {
        c.name: page.scrubber(c.curve_samples.images, c.curve, c.name)
        for c in contents.contenders
        if c.curve is not None and c.curve_samples is not None
    }


def _protocol(contents: ReportContents) -> str:
    """Say what the distances of curves were taken with: what is common to all, then whose samples are otherwise."""
    passports = {c.name: c.curve.passport for c in contents.contenders if c.curve}
    if not passports:
        return ""
    first = next(iter(passports.values()))
    said = f"{first['extractor']}, against {first['reference']}"
    for key, what in (("n", "samples"), ("sampler", "sampler")):
        names: dict[str, list[str]] = {}
        for name, stamp in passports.items():
            names.setdefault(str(stamp[key]), []).append(name)
        if len(names) == 1:
            said += f"; {what}: {next(iter(names))}"
        else:
            said += f"; {what}: " + ", ".join(f"{value} of {listed(own)}" for value, own in names.items())
    return said


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
