"""Verdicts on made-up histories, and on real trainings that go well and badly."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from gencompare.evaluation.health import judge
from gencompare.imagesets.arrays import Images
from gencompare.models.gan_settings import DCGAN
from gencompare.models.parts.shape import ImageShape
from gencompare.objectives.settings import Vanilla
from gencompare.training.loop import train
from gencompare.training.settings import TrainingSettings

ROWS = 40


def history(**columns):
    healthy = {
        "loss/discriminator": np.linspace(1.0, 0.5, ROWS),
        "loss/generator": np.linspace(1.0, 2.0, ROWS),
        "grad_norm/generator": np.full(ROWS, 3.0),
        "diversity": np.linspace(0.2, 0.9, ROWS),
        "distinctness": np.linspace(0.3, 0.95, ROWS),
        "d_ranking": np.full(ROWS, 0.9),
    }
    renamed = {name.replace("__", "/"): values for name, values in columns.items()}
    return pd.DataFrame({"kimg": np.arange(1, ROWS + 1) / 10} | healthy | renamed)


def turns(low, high, period):
    return np.where(np.arange(ROWS) // period % 2 == 0, high, low)


def test_a_healthy_run_is_stable_and_says_what_was_looked_at():
    health = judge(history(), "finished")
    assert health.verdict == "stable"
    text = " ".join(health.evidence)
    assert "diversity was 0.82" in text
    assert "ranked 90% of real images above fakes" in text


def test_a_loss_that_is_no_number_is_divergence_named_with_its_place():
    broken = np.linspace(1.0, 2.0, ROWS)
    broken[-1] = np.nan
    health = judge(history(loss__generator=broken), "diverged")
    assert health.verdict == "diverged"
    assert health.evidence[0] == "training stopped at 4 kimg: loss/generator not finite"


@pytest.mark.parametrize("column", ["loss__discriminator", "grad_norm__generator"])
def test_what_runs_away_without_overflowing_is_divergence_too(column):
    health = judge(history(**{column: np.logspace(0, 6, ROWS)}), "finished")
    assert health.verdict == "diverged"
    assert column.replace("__", "/") in health.evidence[0]
    assert judge(history(**{column: np.logspace(0, 1.5, ROWS)}), "finished").verdict == "stable"


def test_fakes_that_are_all_alike_at_the_end_are_a_collapse():
    health = judge(history(diversity=np.geomspace(0.8, 0.01, ROWS)), "finished")
    assert health.verdict == "collapsed"
    assert "alike" in health.evidence[0]


def test_fakes_of_a_few_kinds_are_a_collapse_however_far_apart_the_kinds():
    health = judge(history(distinctness=np.geomspace(0.3, 0.001, ROWS)), "finished")
    assert health.verdict == "collapsed"
    assert "few kinds" in health.evidence[0]


def test_fakes_that_are_alike_for_want_of_training_are_no_collapse():
    assert judge(history(diversity=np.linspace(0.05, 0.08, ROWS)), "finished").verdict == "stable"


def test_a_discriminator_that_has_won_is_a_collapse():
    won = history(d_ranking=np.ones(ROWS), loss__discriminator=np.full(ROWS, 1e-5))
    assert judge(won, "finished").verdict == "collapsed"
    assert judge(history(d_ranking=np.ones(ROWS)), "finished").verdict == "stable"


def test_a_fooled_discriminator_before_fakes_that_hardly_vary_is_a_collapse():
    fooled = history(d_ranking=np.zeros(ROWS), diversity=np.full(ROWS, 0.2))
    assert judge(fooled, "finished").verdict == "collapsed"


def test_a_collapse_that_was_overcome_is_oscillation():
    diversity = np.full(ROWS, 0.8)
    diversity[15:20] = 0.05
    health = judge(history(diversity=diversity), "finished")
    assert health.verdict == "oscillating"
    assert "below 0.1 once, to 0.050 at 1.6 kimg; it was 0.80 at the end" in health.evidence[0]


@pytest.mark.parametrize(
    "column, low, high", [("d_ranking", 0.1, 0.9), ("loss__generator", 0.2, 5.0), ("loss__vae", 10, 90)]
)
def test_swings_are_oscillation_and_one_phase_of_learning_is_not(column, low, high):
    swings = np.where(np.arange(ROWS) % 5 == 0, (low + high) / 2, turns(low, high, 3))
    assert judge(history(**{column: swings}), "finished").verdict == "oscillating"
    assert judge(history(**{column: np.linspace(high, low, ROWS)}), "finished").verdict == "stable"


def test_a_history_without_a_discriminator_is_judged_by_its_losses():
    vae = pd.DataFrame({"kimg": np.arange(10.0), "loss/vae": np.linspace(900, 40, 10)})
    health = judge(vae, "finished")
    assert health.verdict == "stable"
    assert health.evidence == ("loss/vae went from 900 to 87.8, always finite",)


def blobs():
    """Soft discs of random place and brightness: easy to learn, impossible to make with one image."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:16, :16]
    places = rng.uniform(4, 12, (400, 2, 1, 1))
    light = rng.uniform(100, 255, (400, 1, 1))
    discs = light * np.exp(-((x - places[:, 0]) ** 2 + (y - places[:, 1]) ** 2) / 12)
    return Images(discs.astype(np.uint8)[..., None])


def trained(folder, lr):
    model = DCGAN(latent_dim=16, width=16, precision="float32")
    return train(
        lambda: Vanilla().objective(model.networks(ImageShape(1, 16))),
        blobs(),
        TrainingSettings(kimg=6, batch_size=32, lr=lr, rows=40, device="cpu"),
        name="gan",
        seed=0,
        folder=folder,
    )


def test_a_good_training_is_stable_and_a_broken_one_is_not(tmp_path):
    good, broken = trained(tmp_path / "good", 1e-3), trained(tmp_path / "broken", 1.0)
    assert judge(good.history, good.status).verdict == "stable"
    health = judge(broken.history, broken.status)
    assert health.verdict in {"collapsed", "diverged"}
    assert health.evidence
    assert all(torch.isfinite(value).all() for value in broken.weights.values())
