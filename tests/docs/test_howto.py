"""The code that the how-tos show works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml

from gencompare.comparisons import declared
from gencompare.config_loader import ComparisonConfigLoader
from gencompare.evaluation import kinds, measurements
from gencompare.models import settings
from gencompare.models.parts.shape import ImageShape
from gencompare.settings import CONFIG_LOADER_ARGS

PROJECT = Path(__file__).parents[2]


def blocks(page, language):
    text = (PROJECT / f"docs/howto/{page}.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def run(code, **known):
    """Run code as if it stood in a module with these names."""
    names = {"__name__": "gencompare.models.settings", **known}
    exec(compile(f"from __future__ import annotations\n{code}", "how-to", "exec"), names)
    return names


def test_own_model_makes_images_and_logits(monkeypatch):
    own, networks = blocks("own-model", "python")
    added = run(own, **vars(settings))["Linear"]
    monkeypatch.setattr(settings, "Linear", added, raising=False)
    config = added()
    made = run(networks)["networks"](config, ImageShape(3, 16))
    images = made["generator"].generate(torch.zeros(2, config.latent_dim))
    assert images.shape == (2, 3, 16, 16)
    assert images.abs().max() <= 1
    assert made["discriminator"](images).shape == (2,)


def test_own_comparison_and_its_contender_are_taken():
    comparison, contender, claims = map(yaml.safe_load, blocks("own-comparison", "yaml"))
    block = declared({name: own | claims[name] for name, own in comparison.items()})["width_compare"]
    assert {name for claim in block.claims for name in claim.contenders} == set(block.contenders)
    given = {"contenders": contender, "chosen_contenders": list(block.contenders)}
    given |= {"dataset": block.image_set["name"]}
    loader = ComparisonConfigLoader(str(PROJECT / "conf"), runtime_params=given, **CONFIG_LOADER_ARGS)
    planned = loader.plan.comparison("gan_compare")
    assert planned.contenders["dcgan_clothes_wide"].values["model"]["width"] == 64


def test_own_score_is_measured():
    _, kind, measured = blocks("own-score", "python")
    own_kind = eval(f"{{{kind}}}", vars(kinds).copy())["brightness"]
    assert (own_kind.better, own_kind.measures) == ("lower", "fidelity")
    real, made = (SimpleNamespace(images=np.full((4, 8, 8, 3), value, np.uint8)) for value in (100, 90))
    found = []
    run(
        measured,
        bench=SimpleNamespace(drawn=lambda split: real),
        samples=made,
        split="heldout",
        n=4,
        different=1,
        found=found,
        **{name: getattr(measurements, name) for name in ("Measurement", "Subsets", "np")},
    )
    assert found[0].statistic([np.arange(4), np.arange(2)])["brightness"] == pytest.approx([10, 10])
