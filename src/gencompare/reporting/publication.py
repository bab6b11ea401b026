"""Results as pages for others to read: one for each comparison, from what its newest run left, and an index."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gencompare.array_files import read_arrays
from gencompare.config.typed import flatten
from gencompare.evaluation.resampling import NORMAL_95
from gencompare.files import read_json, read_sound, write_whole
from gencompare.imagesets.pictures import image_grid
from gencompare.reporting.belonging import RECORD, belonging
from gencompare.reporting.formatting import MISSING, duration, listed, plain, scaled
from gencompare.reporting.summary import markdown_table
from gencompare.reporting.tables import Cell
from gencompare.reporting.versions import when

SHOWN = 8
BUDGETS = (60.0, 600.0, 3600.0)
"""Seconds of training at which the leaderboard looks."""
BARS = (0.5, 0.25, 0.1, 0.05)
"""Shares of noise's distance that the leaderboard asks how soon they are reached."""
POINTS = (
    "Looked at where curves were measured, of each contender's first seed; diffusion models and flows with a sampler of few "
    "steps."
)
SAME_MEASURE = ("measures", "extractor", "weights_sha256", "resize", "grey", "reference", "seed")
"""What two distances of curves must have in common to stand side by side."""


@dataclass(frozen=True)
class Result:
    """What a finished run of a comparison left.

    Attributes:
        comparison, image_set: their names; of the image set, its folder's.
        version: the time at which the run began, as the catalog writes it.
        origin: `answer`, `command`, `git_commit`, `settings` by training, and what it ran on.
        scores: the table, in Markdown.
        costs: one row a training.
        curves: of each contender's first seed.
        samples: the first images of each contender, uint8 (SHOWN, H, W, C).
    """

    comparison: str
    image_set: str
    version: str
    origin: Mapping[str, Any]
    scores: str
    costs: pd.DataFrame
    curves: Mapping[str, Mapping[str, Any]]
    samples: Mapping[str, np.ndarray]

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.comparison}_{self.image_set}"

    @property
    def facts(self) -> dict[str, Any]:
        """What the index needs to know of it, JSON-ready."""
        failed = self.origin["answer"]["failed"]
        return {
            "comparison": self.comparison,
            "image_set": self.image_set,
            "version": self.version,
            "git_commit": self.origin.get("git_commit", ""),
            "images": self.origin["images"],
            "seeds": int(self.costs.groupby("contender").size().max()),
            "device": "; ".join(sorted(set(self.costs["device"]))),
            "verdict": self.origin["answer"]["said"][0],
            "claims": self.origin["answer"].get("claims", []),
            "curves": {name: curve for name, curve in self.curves.items() if name not in failed},
        }


def read_result(reports: Path, models: Path, outputs: Path, comparison: str, image_set: str) -> Result | None:
    """Read what the newest run of a comparison on an image set left; None where it ended too early to be published.

    Files that are broken are set aside; where that is a run's origin, the run before is read.

    Args:
        reports, models, outputs: the folders of artifacts.
        image_set: the name of its folder.
    """
    report = reports / comparison / image_set
    for file in sorted(report.glob("origin.json/*/origin.json"), reverse=True):
        if (origin := read_sound(file, read_json)) is not None:
            break
    else:
        return None
    version, recorded = file.parent.name, read_sound(file.with_name(RECORD), read_json) or {}
    find = partial(belonging, report=version, recorded=recorded)
    table, costs = (find(report, name) for name in ("scores.md", "costs.csv"))
    spent = read_sound(costs, pd.read_csv) if costs else None
    if "answer" not in origin or table is None or spent is None:
        return None
    contenders = [name for name in origin["settings"] if name in set(spent["contender"])]
    place = Path(comparison) / image_set
    return Result(
        comparison=comparison,
        image_set=image_set,
        version=version,
        origin=origin,
        scores=table.read_text(),
        costs=spent,
        curves=_read({name: find(models / place, f"{name}/curve.json") for name in contenders}, read_json),
        samples=_read({name: find(outputs / place, f"{name}/samples.npz") for name in contenders}, _first),
    )


def write_page(result: Result, pages: Path, pictures: Path) -> Path:
    """Write a result's page, pictures and facts into a folder of its own, and return that.

    Args:
        pages: where all results lie.
        pictures: the report's figures as PNG; those that are not there are left out.
    """
    folder = pages / result.name
    for name, images in result.samples.items():
        write_whole(folder / f"{name}.png", partial(image_grid(images).save, format="PNG", optimize=True))
    figures = [name for name in ("quality_curves", "pareto") if (pictures / f"{name}.png").is_file()]
    for name in figures:
        _write(folder / f"{name}.png", (pictures / f"{name}.png").read_bytes())
    _write(folder / "index.md", page(result, figures).encode())
    _write(folder / "result.json", json.dumps(result.facts, indent=1, sort_keys=True).encode())
    return folder


def page(result: Result, figures: Sequence[str]) -> str:
    """Return a result's page in Markdown."""
    answer, origin = result.origin["answer"], result.origin
    strips = [[name, f"![the first samples of {name}]({name}.png)"] for name in result.samples]
    facts = {
        key: value for key, value in origin.items() if key not in {"answer", "settings", "images", "machine"}
    }
    facts["device"] = result.facts["device"]  # which tells more than the system's name
    titles = {"quality_curves": "Quality while training", "pareto": "Quality against cost"}
    parts = [
        f"# {result.comparison} on {result.image_set}",
        answer["question"],
        f"**{answer['said'][0]}**",
        *answer["said"][1:],
        "## Samples",
        f"The first {SHOWN} of each, chosen by nobody.",
        markdown_table(["contender", "samples"], strips),
        "## Scores",
        "Each with ± the farther end of its 95% interval: over seeds and samples, or over samples alone where there is one "
        "seed.",
        result.scores.strip(),
        *_claims(answer.get("claims", [])),
        *(part for name in figures for part in (f"## {titles[name]}", f"![{titles[name]}]({name}.png)")),
        "## Costs",
        markdown_table(
            ["contender", "seed", "images", "training", "compute", "parameters", "an image"],
            _costs(result.costs),
        ),
        "## Settings that differ",
        markdown_table(["setting", *result.samples], _settings(origin["settings"], list(result.samples))),
        "## Where this comes from",
        markdown_table(
            ["", ""], [["run", when(result.version)], *([key, f"`{value}`"] for key, value in facts.items())]
        ),
    ]
    return "\n\n".join(parts) + "\n"


def index(results: Iterable[Mapping[str, Any]]) -> str:
    """Return the page that leads to all others, from the facts of each, and says who is best at which budget."""
    every = sorted(results, key=lambda facts: (facts["image_set"], facts["comparison"]))
    rows = [
        [
            f"[{facts['comparison']}]({facts['comparison']}_{facts['image_set']}/index.md)",
            facts["image_set"],
            str(facts["seeds"]),
            facts["verdict"],
            facts.get("device", MISSING),
            when(facts["version"])[:10],
        ]
        for facts in every
    ]
    budgets, bars = (
        [f"within {duration(budget)}" for budget in BUDGETS],
        [f"{bar:g} of noise" for bar in BARS],
    )
    return (
        "\n\n".join(
            [
                "# Results",
                "Made by `kedro run --pipeline=publish` from what runs left: nothing here was typed by hand.",
                markdown_table(["comparison", "image set", "seeds", "answer", "on", "run"], rows),
                "## Best by budget",
                "Whose samples are nearest to training images after so much training, of one core each where it was a CPU, by "
                "the kernel distance along the curves (less is better), and who cannot be told apart from them. "
                f"{POINTS} Image sets do not compare with each other.",
                markdown_table(["image set", *budgets], _leaders(every)),
                "## Time to a bar",
                "Who is first surely at so small a share of the distance that uniform noise has, by the same curves, and "
                f"after how much training. {POINTS}",
                markdown_table(["image set", *bars], _soonest(every)),
                *_claims_of_all(every),
            ]
        )
        + "\n"
    )


@dataclass(frozen=True)
class Point:
    """A contender on its way: its distance with half its 95% interval, and noise's, after some seconds of training."""

    seconds: float
    value: float
    half: float
    noise: float
    name: str


def _points(results: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Point]]]:
    """For each image set and measure its name, and the points of all curves but their untrained beginnings."""
    points: dict[tuple[str, str], list[Point]] = {}
    for facts in results:
        for name, curve in facts["curves"].items():
            measure = json.dumps([facts["images"], *(curve["passport"].get(key) for key in SAME_MEASURE)])
            points.setdefault((facts["image_set"], measure), []).extend(
                Point(
                    point["train_seconds"],
                    point["value"],
                    NORMAL_95 * point["standard_error"],
                    curve["noise"],
                    name,
                )
                for point in curve["points"][1:]
            )
    return [(image_set, known) for (image_set, _), known in sorted(points.items())]


def _leaders(results: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """For each image set and measure, who has the least distance within each budget, and who may be as good."""
    return [
        [image_set, *(_best([one for one in known if one.seconds <= budget]) for budget in BUDGETS)]
        for image_set, known in _points(results)
    ]


def _best(points: Sequence[Point]) -> str:
    own: dict[str, Point] = {}
    for point in sorted(points, key=lambda point: point.value):
        own.setdefault(point.name, point)
    if not own:
        return MISSING
    first, *others = own.values()
    level = [one.name for one in others if one.value - one.half <= first.value + first.half]
    cell = Cell(first.value, first.value - first.half, first.value + first.half)
    said = f"{first.name} {cell.plus_minus} ({duration(first.seconds)})"
    return said + (f"; {listed(level)} may be as good" if level else "")


def _soonest(results: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """For each image set and measure, the contender that is first surely at each bar."""
    rows = []
    for image_set, known in _points(results):
        over = [[one for one in known if one.value + one.half <= bar * one.noise] for bar in BARS]
        first = [min(some, key=lambda point: point.seconds, default=None) for some in over]
        rows.append(
            [image_set, *(f"{one.name} ({duration(one.seconds)})" if one else MISSING for one in first)]
        )
    return rows


def _claims(claims: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the section on what became of a comparison's claims, empty where there are none."""
    if not claims:
        return []
    rows = [[claim["says"], f"**{claim['verdict']}**", claim["evidence"]] for claim in claims]
    return ["## Claims", markdown_table(["claim", "verdict", "by what"], rows)]


def _claims_of_all(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the section on the claims of all results, empty where there are none."""
    rows = [
        [claim["says"], facts["comparison"], facts["image_set"], f"**{claim['verdict']}**", claim["evidence"]]
        for facts in results
        for claim in facts.get("claims", [])
    ]
    if not rows:
        return []
    text = (
        "What somebody expected, judged by the scores and 95% intervals of these runs. It holds or not for their image set "
        "and budget; intervals that overlap decide nothing."
    )
    heading = ["claim", "comparison", "image set", "verdict", "by what"]
    return ["## Claims put to the test", text, markdown_table(heading, rows)]


def _write(path: Path, content: bytes) -> None:
    write_whole(path, lambda file: file.write(content))


def _read(files: Mapping[str, Path | None], read: Callable[[Path], Any]) -> dict[str, Any]:
    """Read those files that are there and whole."""
    found = {name: read_sound(file, read) for name, file in files.items() if file is not None}
    return {name: content for name, content in found.items() if content is not None}


def _first(samples: Path) -> np.ndarray:
    return read_arrays(samples)["images"][:SHOWN]


def _costs(costs: pd.DataFrame) -> list[list[str]]:
    return [
        [
            row["contender"],
            str(row["seed"]),
            scaled(1000 * row["kimg"]),
            duration(row["train_seconds"]),
            scaled(row["train_flops"], "FLOP"),
            scaled(row["parameters"]),
            duration(row["seconds_per_image"]),
        ]
        for row in costs.to_dict("records")
    ]


def _settings(settings: Mapping[str, Any], contenders: Sequence[str]) -> list[list[str]]:
    """The settings in which contenders differ, a row each."""
    flat = {name: flatten(settings[name]) for name in contenders}
    keys = dict.fromkeys(
        key for own in flat.values() for key in own if key not in {"name", "contender", "comparison"}
    )
    rows = []
    for key in keys:
        values = [flat[name].get(key) for name in contenders]
        if any(value != values[0] for value in values):
            rows.append([f"`{key}`", *(_value(value) for value in values)])
    return rows


def _value(value: Any) -> str:
    if value is None:
        return MISSING
    return plain(value) if isinstance(value, float) else str(value)
