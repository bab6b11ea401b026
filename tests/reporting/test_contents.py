"""From what trainings have left to the contenders of a report."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gencompare.imagesets.arrays import Images
from gencompare.reporting.contents import contender_reports

from .conftest import VALID, changed, with_scores


def training(contender, seed, **changes):
    return (
        {
            "settings": {"contender": contender, "seed": seed, "model": {"name": "vae"}},
            "scores": {"scores": {}},
            "outcome": {"status": "finished", "health": "stable", "evidence": "all was well", "stages": 1},
            "cost": {"train_seconds": 10.0, "device": "CPU"},
            "curve": {},
            "history": pd.DataFrame({"kimg": [1.0]}),
            "samples": Images(np.full((2, 4, 4, 1), seed, np.uint8)),
        }
        | {
            key: None
            for key in (
                "interpolation",
                "trajectory",
                "reconstructions",
                "stages",
                "neighbours",
                "curve_samples",
            )
        }
        | changes
    )


def test_seeds_of_a_contender_are_one_report_with_mean_costs_and_the_first_seeds_pictures():
    ended = {"status": "diverged", "health": "diverged", "evidence": "its loss was not finite", "stages": 1}
    second = training("a", 1, cost={"train_seconds": 20.0, "device": "CPU"}, outcome=ended)
    a, b = contender_reports([training("a", 0), training("b", 0), second])
    assert (a.name, b.name) == ("a", "b")
    assert a.cost == {"train_seconds": 15.0, "device": "CPU"}
    assert [seed.cost["train_seconds"] for seed in a.seeds] == [10.0, 20.0]
    assert a.samples.images.max() == 0
    assert [seed.status for seed in (*a.seeds, *b.seeds)] == ["stable", "diverged", "stable"]
    assert a.seeds[1].evidence.startswith("Its loss was not finite. What is shown")
    assert a.settings["model.name"] == "vae"


def test_a_share_of_which_halves_all_say_the_same_leaves_open_what_wilsons_interval_does(contents):
    (column,) = [column for column in contents.board.columns if column.name == VALID]
    own = contents.contenders[1].scores["scores"]
    none = own | {VALID: own[VALID] | {"value": 0.0, "low": 0.0, "high": 0.0038, "standard_error": 0.0}}
    left = changed(contents, "vae", with_scores, none).by_seed(column)["vae"]
    assert left == [(0.0, pytest.approx(0.0019 / 1.96, rel=1e-3), 0.0)]


def test_only_contenders_that_made_real_images_again_show_them():
    scores = {"scores": {"reconstruction_error": {"kind": "reconstruction_error", "passport": {"n": 64}}}}
    made, not_made = contender_reports(
        [
            training("a", 0, reconstructions="drawn", scores=scores),
            training("b", 0, reconstructions="drawn"),
        ]
    )
    assert (made.reconstructions, not_made.reconstructions) == ("drawn", None)
