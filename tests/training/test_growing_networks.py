"""Facts about training networks that grow: what happens at a new resolution, and after an interruption."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from gencompare.imagesets.arrays import Images
from gencompare.models.gan_settings import ProgressiveGAN
from gencompare.models.parts.growing import Stage
from gencompare.models.parts.shape import ImageShape
from gencompare.objectives.settings import WGANGP
from gencompare.training.loop import train
from gencompare.training.progress import observing
from gencompare.training.settings import TrainingSettings
from gencompare.training.state import TrainingState

from .toy import same_end

SHAPE = ImageShape(1, 16)
MODEL = ProgressiveGAN(latent_dim=4, width=4, max_width=8, growth=0.5, lr_scales={8: 0.5, 16: 0.25})
SETTINGS = TrainingSettings(kimg=0.32, batch_size=8, rows=10, lr=1e-3, checkpoint_seconds=0, device="cpu")


def objective():
    return WGANGP(n_critic=1, drift=1e-3).objective(MODEL.networks(SHAPE))


def run(folder):
    images = Images(np.random.default_rng(0).integers(0, 256, (40, 16, 16, 1), dtype=np.uint8))
    return train(objective, images, SETTINGS, name="grows", seed=0, folder=folder)


@pytest.mark.parametrize("stop_after", [2, 4, 7])  # at a fade-in, at a new resolution, at the last one
def test_interrupted_growth_ends_with_the_same_bytes(tmp_path, stop_after):
    same_end(run, tmp_path, stop_after)


def test_averaged_weights_sample_at_the_stage_they_were_saved_at(tmp_path):
    trained = run(tmp_path)
    generator = MODEL.networks(SHAPE)["generator"]
    generator.stage = Stage(0)
    generator.load_state_dict({key.removeprefix("generator."): v for key, v in trained.weights.items()})
    assert generator.stage == Stage(2)


def test_each_resolution_leaves_its_weights(tmp_path):
    trained = run(tmp_path)
    stages = [Stage(*weights["generator.stage_numbers"].tolist()) for weights in trained.stages.values()]
    assert list(trained.stages) == [5, 15]
    assert stages == [Stage(0), Stage(1)]  # faded in, as good as they got
    assert trained.weights["generator.stage_numbers"].tolist() == [2, Stage(2).fade]


@pytest.mark.parametrize("stop_after", [2, 4, 7])
def test_growth_without_transfer_interrupted_ends_with_the_same_bytes(tmp_path, stop_after, monkeypatch):
    monkeypatch.setattr(f"{__name__}.MODEL", replace(MODEL, transfer=False))
    same_end(run, tmp_path, stop_after)


def test_without_transfer_each_resolution_starts_from_the_weights_that_the_first_did(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.MODEL", replace(MODEL, transfer=False))
    states, begun = [], {}
    made, begin = TrainingState.__post_init__, TrainingState.begin_stage

    def watched(self):
        begin(self)
        begun[self.steps] = {name: value.clone() for name, value in weights(self).items()}
        assert set(self.updates.values()) == {0}

    def weights(state):
        return dict(state.objective.generator.named_parameters())

    monkeypatch.setattr(TrainingState, "__post_init__", lambda self: (states.append(self), made(self))[1])
    monkeypatch.setattr(TrainingState, "begin_stage", watched)
    trained = run(tmp_path)
    [state] = states
    assert list(begun) == [0, 5, 15]
    for name, value in begun[0].items():
        assert torch.equal(value, begun[5][name]) and torch.equal(value, begun[15][name])
    assert any(not torch.equal(value, begun[0][name]) for name, value in weights(state).items())
    average = {name: trained.weights[f"generator.{name}"] for name in begun[0]}
    to = {name: value.detach() for name, value in weights(state).items()}
    assert distance(average, to) < distance(begun[0], to)  # it has forgotten the stages before


def distance(some, others):
    return sum((some[name] - others[name]).square().sum() for name in others)


def test_optimisers_start_anew_and_rates_change_at_each_resolution(tmp_path, monkeypatch):
    resets, rates = [], {}
    original = TrainingState.reset_optimisers

    def watched(self):
        resets.append(self.steps)
        original(self)

    def watch(_, row, kimg):
        [state] = states
        stage = state.objective.generator.stage
        rates[stage.resolution] = state.optimisers["generator"][0].param_groups[0]["lr"]

    states = []
    made = TrainingState.__post_init__
    monkeypatch.setattr(TrainingState, "reset_optimisers", watched)
    monkeypatch.setattr(TrainingState, "__post_init__", lambda self: (states.append(self), made(self))[1])
    monkeypatch.setattr(f"{__name__}.SETTINGS", TrainingSettings(**(vars(SETTINGS) | {"decay_from": 1.0})))
    with observing(watch):
        run(tmp_path)
    assert resets == [0, 0, 5, 15]  # as made, and at the first step of 4, 8 and 16 pixels
    assert rates == pytest.approx({4: 1e-3, 8: 0.5e-3, 16: 0.25e-3})
