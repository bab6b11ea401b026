"""What `kedro plan` and `kedro list` print, from settings alone: neither torch nor MLflow is imported for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from gencompare.comparisons import Comparison
from gencompare.config.contender import CHOICES
from gencompare.config.layers import Layered
from gencompare.config.plan import Plan, Planned
from gencompare.config.typed import flatten
from gencompare.durations import known_seconds
from gencompare.imagesets import IMAGE_SETS, make_image_set


def plan(everything: Plan, name: str, data: Path) -> Iterator[str]:
    """Say what a comparison would run.

    Args:
        everything: the plan.
        name: of the comparison, or `score`.
        data: the folder of artifacts, for what earlier trainings took.
    """
    planned = everything.comparison(name)
    if planned.comparison is not None:
        yield from _heading(planned, planned.comparison, data)
    for title, layered in {"image set": planned.image_set, "evaluation": planned.evaluation}.items():
        yield from _settings(title, layered)
    for contender, layered in planned.contenders.items():
        yield from _settings(contender, layered)


def difference(everything: Plan, name: str, one: str, other: str) -> Iterator[str]:
    """Say in which settings two contenders of a comparison differ, any two there are."""
    comparison = everything.comparison(name).comparison
    sides = [everything.contender(contender, comparison) for contender in (one, other)]
    values = [flatten(side.values) for side in sides]
    rows = [("setting", one, "from", other, "from")]
    for setting in dict.fromkeys([*values[0], *values[1]]):
        if values[0].get(setting, ...) != values[1].get(setting, ...):
            cells = [
                (_text(own[setting]), side.origins[setting]) if setting in own else ("", "")
                for own, side in zip(values, sides, strict=True)
            ]
            rows.append((setting, *cells[0], *cells[1]))
    yield from _columns(rows) if len(rows) > 1 else [f"{one} and {other} have the same settings."]


def everything(known: Plan) -> Iterator[str]:
    """Say what image sets, contenders, comparisons, samplers and scores there are."""
    from gencompare.evaluation.kinds import KINDS

    yield from _section("image sets", ((name, _first_line(cls)) for name, cls in IMAGE_SETS.items()))
    yield from _section(
        "contenders", ((name, *_contender_line(known, name)) for name in known.sources.contenders)
    )
    yield from _section("comparisons", ((name, one.question) for name, one in known.comparisons.items()))
    yield from _section("samplers", ((name, _first_line(cls)) for name, cls in CHOICES["sampler"].items()))
    yield from _section("scores", ((name, kind.meaning) for name, kind in KINDS.items()))


def _heading(planned: Planned, comparison: Comparison, data: Path) -> Iterator[str]:
    yield f"{planned.name}: {comparison.question}"
    seeds = f"seeds {', '.join(str(planned.seed + n) for n in range(comparison.seeds))}"
    budget = comparison.budget or "each contender's own training.kimg"
    rows = [
        ("image set", planned.image_set.values["name"]),
        ("contenders", ", ".join(comparison.contenders)),
        ("trainings", f"{len(comparison.trainings)}: {len(comparison.contenders)} contenders, {seeds}"),
        ("budget", f"{budget}"),
        ("time", _estimate(planned, comparison, data)),
    ]
    yield from _columns(rows, "  ")


def _estimate(planned: Planned, comparison: Comparison, data: Path) -> str:
    """Say how long training takes: by the budget, or by what earlier trainings on the same images took."""
    import joblib  # takes a while, and few commands estimate

    folder = make_image_set(planned.image_set.values).folder_name()
    seconds = known_seconds(planned, data)
    unknown = [name for name, each in seconds.items() if each is None]
    if unknown:
        return f"not known yet: {', '.join(unknown)} never trained on {folder}; --minutes=N fixes it"
    each = [known for known in seconds.values() if known]
    processes = max(one.values["training"]["processes"] for one in planned.contenders.values())
    cores = min(max(1, joblib.cpu_count() // processes), len(comparison.trainings))
    total = max(sum(each) * comparison.seeds / cores, *each)
    return f"about {total / 60:.0f} min of training, {cores} at once; samples and scores come on top"


def _settings(title: str, layered: Layered) -> Iterator[str]:
    yield f"\n{title}"
    values = flatten(layered.values)
    if "training.kimg" in values and values["training.kimg"] is None:
        values["training.kimg"] = "measured first"
    rows = [(name, _text(value), layered.origins[name]) for name, value in values.items()]
    yield from _columns(rows, "  ")


def _contender_line(known: Plan, name: str) -> tuple[str, str]:
    """Return a contender's family, and a line on it: what it is like and where it differs, or its parts."""
    layered = known.contender(name)
    values = layered.values
    family = f"{values['model']['name']}, {values['objective']['name']}"
    blocks = [file.block(name) for file in known.sources.files]
    like = next((block["like"] for block in blocks if "like" in block), None)
    own = {k: v for block in blocks[:1] for k, v in flatten(block).items() if k != "like"}
    if like is None:
        return family, _first_line(CHOICES["model"][values["model"]["name"]])
    return family, f"like {like}: " + ", ".join(f"{key} {_text(value)}" for key, value in own.items())


def _first_line(cls: type) -> str:
    return (cls.__doc__ or "").strip().splitlines()[0]


def _section(title: str, rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"{title}"
    yield from _columns(list(rows), "  ")
    yield ""


def _columns(rows: Sequence[Sequence[str]], indent: str = "") -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_text, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)
