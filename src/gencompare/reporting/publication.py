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
from gencompare.comparisons import Training
from gencompare.config.typed import flatten
from gencompare.evaluation.passport import RULES
from gencompare.files import read_json, read_sound, write_whole
from gencompare.imagesets.pictures import image_grid
from gencompare.reporting.belonging import RECORD, belonging
from gencompare.reporting.formatting import MISSING, duration, plain, scaled
from gencompare.reporting.leaderboard import leaderboard
from gencompare.reporting.summary import markdown_table
from gencompare.reporting.versions import when

SHOWN = 8
OLDER = "scored by older rules"
WHY_OLDER = "What was scored by older rules has other intervals or verdicts, its claims' too, than the same samples would get today."


@dataclass(frozen=True)
class Result:
    """What a finished run of a comparison left.

    Attributes:
        comparison, image_set: their names; of the image set, its folder's.
        version: the time at which the run began, as the catalog writes it.
        origin: `answer`, `command`, `git_commit`, `settings` by training, and what it ran on.
        scores: the table, in Markdown.
        costs: one row a training.
        curves: of each contender, those of its seeds.
        samples: the first images of each contender, uint8 (SHOWN, H, W, C).
    """

    comparison: str
    image_set: str
    version: str
    origin: Mapping[str, Any]
    scores: str
    costs: pd.DataFrame
    curves: Mapping[str, Sequence[Mapping[str, Any]]]
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
            "scoring_rules": self.origin.get("scoring_rules", ""),
            "images": self.origin["images"],
            "seeds": int(self.costs.groupby("contender").size().max()),
            "device": _joined(self.costs["device"]),
            "devices": {name: _joined(own) for name, own in self.costs.groupby("contender")["device"]},
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
    trainings = {
        name: [Training(name, repeat).name for repeat in range((spent["contender"] == name).sum())]
        for name in contenders
    }
    return Result(
        comparison=comparison,
        image_set=image_set,
        version=version,
        origin=origin,
        scores=table.read_text(),
        costs=spent,
        curves={
            name: list(
                _read({one: find(models / place, f"{one}/curve.json") for one in own}, read_json).values()
            )
            for name, own in trainings.items()
        },
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
        "Each with ± the farther end of its 95% interval: over seeds and samples, not over seeds where there is one, and of kernel "
        "distances over the draw of the held-out images, too.",
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
            facts["verdict"] + ("" if _by_todays_rules(facts) else f" ({OLDER})"),
            facts.get("device", MISSING),
            when(facts["version"])[:10],
        ]
        for facts in every
    ]
    return (
        "\n\n".join(
            [
                "# Results",
                "Made by `kedro run --pipeline=publish` from what runs left: nothing here was typed by hand.",
                markdown_table(["comparison", "image set", "seeds", "answer", "on", "run"], rows),
                *([] if all(map(_by_todays_rules, every)) else [WHY_OLDER]),
                *leaderboard(every),
                *_claims_of_all(every),
            ]
        )
        + "\n"
    )


def _by_todays_rules(facts: Mapping[str, Any]) -> bool:
    return facts.get("scoring_rules") == str(RULES)


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


def _joined(devices: Iterable[str]) -> str:
    return "; ".join(sorted(set(devices)))


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
