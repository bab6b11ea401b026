"""Rules 7 and 8 of the architecture: what one entry each of a model and of a comparison brings along."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from kedro.runner import SequentialRunner
from PIL import Image
from torch import nn

from gencompare.config.typed import Positive, settings
from gencompare.models import MODELS
from gencompare.models.parts.latent import LatentModel

from .conftest import newest, run


@settings
class Linear:
    """One matrix from latents to pixels, and one from pixels to a logit."""

    latent_dim: Positive = 4

    def check(self, shape):
        """Any shape will do."""

    def networks(self, shape):
        return {
            "generator": LinearGenerator(self.latent_dim, shape),
            "discriminator": LinearDiscriminator(shape),
        }


class LinearGenerator(LatentModel):
    def __init__(self, latent_dim, shape):
        super().__init__()
        self.latent_dim = latent_dim
        self.size = (shape.channels, shape.resolution, shape.resolution)
        self.layer = nn.Linear(latent_dim, shape.channels * shape.resolution**2)

    def forward(self, latent):
        return torch.tanh(self.layer(latent)).unflatten(1, self.size)

    def generate(self, latent, labels=None):
        return self(latent)


class LinearDiscriminator(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.layer = nn.Linear(shape.channels * shape.resolution**2, 1)

    def forward(self, images):
        return self.layer(images.flatten(1)).squeeze(1)


BLOCK = {
    "model": {"name": "linear", "latent_dim": 3},
    "objective": {"name": "vanilla"},
    "sampler": {"name": "latent"},
    "training": {"kimg": 0.5, "batch_size": 32, "rows": 10},
}
COMPARISON = """
matrix_compare:
  question: Is one matrix enough?
  image_set: {name: squares, side: [0.4, 0.5]}
  contenders: [dcgan, one_matrix]
  evaluation: {bootstrap: 20}
"""


def test_a_contender_and_a_comparison_only_this_test_knows_reach_the_report(project, monkeypatch):
    monkeypatch.setitem(MODELS, "linear", Linear)
    (project / "conf/base/comparisons_of_mine.yml").write_text(COMPARISON)
    # In this process: one of its own would not know what only this test knows.
    run(project, "matrix_compare", runner=SequentialRunner, contenders={"one_matrix": BLOCK})
    (report,) = (project / "data/08_reporting/matrix_compare").iterdir()
    assert "side0.4-0.5" in report.name
    assert "one_matrix" in newest(report, "report.html").read_text()
    table = pd.read_csv(newest(report, "scores.csv")).set_index("contender")
    assert table.loc["one_matrix"].notna().any()


@pytest.fixture(scope="module")
def chosen(once, fresh):
    """Two contenders, two seeds, a budget in minutes, on a folder of images of two classes, by one command given twice:
    the project, and what the second said."""
    folder = once("chosen", lambda folder: choose(fresh(folder / "project"), folder))
    return folder / "project", (folder / "said.txt").read_text()


def choose(project, folder):
    images = folder / "photos"
    rng = np.random.default_rng(0)
    for number in range(120):
        label = images / ("cats" if number % 2 else "dogs")
        label.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (40, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(label / f"{number}.png")
    command = ["kedro", "run", "--pipeline=gan_compare", "--env=smoke", "--dataset=folder"]
    command += ["--contenders=vae,ddpm_short", "--seeds=2", "--minutes=0.02"]
    command += [f"--params=seed=5,image_sets.folder.path={images}"]
    for again in ([], ["--remake"]):
        done = subprocess.run(
            [sys.executable, "-m", *command, *again], cwd=project, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    (folder / "said.txt").write_text(done.stderr)


def test_contenders_seeds_and_budget_come_from_the_command_line(chosen):
    (report,) = (chosen[0] / "data/08_reporting/gan_compare").iterdir()
    table = pd.read_csv(newest(report, "scores.csv"))
    trained = table[table["kind"] == "contender"]
    assert list(trained["contender"]) == ["vae"] * 2 + ["ddpm_short"] * 2
    assert list(trained["seed"]) == [5, 6] * 2
    score = next(name for name in table if name.startswith("fd_efficientnet_lite0"))
    assert trained[score].nunique() == 4
    assert list(pd.read_csv(newest(report, "costs.csv"))["seed"]) == [5, 6] * 2
    html = newest(report, "report.html").read_text()
    assert "ddpm_short" in html and "vae_repeat1" not in html  # seeds are one contender there


def test_the_users_own_folder_is_read_with_its_classes_and_left_as_it_was(chosen):
    (card,) = (chosen[0] / "data/05_model_input").glob("folder-photos*/card.json")
    assert json.loads(card.read_text())["classes"] == ["cats", "dogs"]
    assert len(list((chosen[0].parent / "photos").rglob("*"))) == 122


def test_minutes_are_the_same_images_for_every_seed_and_when_the_command_is_given_again(chosen):
    project, said = chosen
    assert said.count("is already trained") == 4
    for contender in ("vae", "ddpm_short"):
        (models,) = project.glob(f"data/06_models/gan_compare/*/{contender}")
        budgets = [json.loads(file.read_text()) for file in models.glob("budget.json/*/budget.json")]
        assert len(budgets) == 2 and budgets[0] == budgets[1]
        assert budgets[0]["budget"] == {"minutes": 0.02}
        assert budgets[0]["kimg"] > 0 and "CPU" in budgets[0]["device"]
        seeds = models.parent.glob(f"{contender}*/settings.json/*/settings.json")
        settings = [json.loads(file.read_text()) for file in seeds]
        assert len(settings) == 4 and {one["training"]["kimg"] for one in settings} == {budgets[0]["kimg"]}
        images = f"--params=contenders.{contender}.training.kimg={budgets[0]['kimg']:g}"
        assert images in said
