"""The card that goes with a trained model: what it is, what it learnt from, what it cost, how good it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gencompare.config.typed import flatten
from gencompare.evaluation.kinds import KINDS
from gencompare.reporting.formatting import count, interval, number
from gencompare.reporting.page import facts, passports
from gencompare.reporting.summary import markdown_table
from gencompare.reporting.tables import COSTS

CARD = Path(__file__).with_name("model_card.md").read_text(encoding="utf-8")


def model_card(
    comparison: str,
    settings: Mapping[str, Any],
    images: Mapping[str, Any],
    cost: Mapping[str, Any],
    scores: Mapping[str, Any],
    outcome: Mapping[str, Any],
    reference: Mapping[str, Any],
    origin: Mapping[str, Any],
) -> str:
    """Write a model's card, in Markdown. Its grid of samples lies beside it as `sample_grid.png`.

    Args:
        comparison: that it was trained in.
        settings: complete, of the contender.
        images: the card of the image set.
        cost: of training and sampling, as in `tables.COSTS`.
        scores: as `evaluation.scoring.score` returns them.
        outcome: how its training ended: `health`, and `evidence` of that.
        reference: what real images and noise score, as `evaluation.scoring.describe_reference` says.
        origin: versions, git commit and machine.
    """
    data = {
        key: images.get(key) for key in ("folder", "resolution", "source", "licence", "citation", "sha256")
    }
    return CARD.format(
        name=settings["name"],
        family=settings["model"]["name"],
        comparison=comparison,
        part="a part (see `images` below) of the " if any(settings["images"].values()) else "the ",
        images=count(images["counts"]["train"]),
        image_set=images["name"],
        data=markdown_table(("fact", "value"), facts(data)),
        n=count(scores["n"]),
        ended=f"{outcome['health']}: {outcome['evidence']}",
        scores=_scores(scores["scores"], reference),
        passports=_passports(scores["scores"]),
        cost=markdown_table(("cost", "value"), [(f"{c.heading}, {c.note}", c.text(cost)) for c in COSTS]),
        settings=markdown_table(("setting", "value"), [(k, str(v)) for k, v in flatten(settings).items()]),
        seed=settings["seed"],
        shape=(16, images["resolution"], images["resolution"], images["channels"]),
        origin=markdown_table(("fact", "value"), facts(origin)),
    )


def _scores(scores: Mapping[str, Any], reference: Mapping[str, Any]) -> str:
    def placed(what: str, name: str) -> str:
        return number(reference[what]["scores"].get(name, {}).get("value"))

    rows = [
        (
            f"`{name}`",
            number(one["value"]),
            interval(one["low"], one["high"], like=one["value"]),
            placed("real_images", name),
            placed("noise", name),
            one["better"],
            KINDS[one["kind"]].meaning,
        )
        for name, one in scores.items()
    ]
    return markdown_table(("score", "value", "interval", "real images", "noise", "better", "meaning"), rows)


def _passports(scores: Mapping[str, Any]) -> str:
    """List each passport once, under the names of the scores that carry it."""
    found = passports({f"`{name}`": one["passport"] for name, one in scores.items()})
    return "\n\n".join(
        f"Passport of {', '.join(names)}:\n\n{markdown_table(('passport', 'value'), lines)}"
        for names, lines in found
    )
