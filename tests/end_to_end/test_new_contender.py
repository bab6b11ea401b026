"""Rules 7 and 8 of the architecture: what one entry each of a model and of a comparison brings along."""

from __future__ import annotations

import pandas as pd
import torch
from kedro.runner import SequentialRunner
from torch import nn

from gencompare.comparisons import COMPARISONS, Comparison
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


def test_a_contender_only_this_test_knows_reaches_the_report(project, monkeypatch):
    monkeypatch.setitem(MODELS, "linear", Linear)
    comparison = Comparison("Is one matrix enough?", image_set="squares", contenders=("dcgan", "one_matrix"))
    monkeypatch.setitem(COMPARISONS, "matrix_compare", comparison)
    block = {
        "model": {"name": "linear", "latent_dim": 3},
        "objective": {"name": "vanilla"},
        "sampler": {"name": "latent"},
        "training": {"kimg": 0.5, "batch_size": 32, "rows": 10},
    }
    # In this process: one of its own would not know what only this test knows.
    run(project, "matrix_compare", runner=SequentialRunner, contenders={"one_matrix": block})
    (report,) = (project / "data/08_reporting/matrix_compare").iterdir()
    assert "one_matrix" in newest(report, "report.html").read_text()
    table = pd.read_csv(newest(report, "scores.csv")).set_index("contender")
    assert table.loc["one_matrix"].notna().any()


def test_a_comparison_asks_for_several_seeds(project, monkeypatch):
    monkeypatch.setitem(
        COMPARISONS, "seed_compare", Comparison("Does the seed matter?", "squares", ("vae",), seeds=2)
    )
    run(project, "seed_compare", seed=5)
    (report,) = (project / "data/08_reporting/seed_compare").iterdir()
    table = pd.read_csv(newest(report, "scores.csv"))
    trained = table[table["kind"] == "contender"]
    assert list(trained["contender"]) == ["vae", "vae"]
    assert list(trained["seed"]) == [5, 6]
    assert trained["fd_efficientnet_lite0_64"].nunique() == 2
    assert list(pd.read_csv(newest(report, "costs.csv"))["seed"]) == [5, 6]
