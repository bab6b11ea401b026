"""Minutes and operations become images."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from gencompare.config.budget import Budget, in_force, read_budget
from gencompare.config.typed import SettingError
from gencompare.objectives.base import Objective
from gencompare.training import budget as module
from gencompare.training.budget import POINTS, Speed, measure_speed
from gencompare.training.loop import all_steps
from gencompare.training.settings import TrainingSettings

from .toy import toy_images

SETTINGS = TrainingSettings(kimg=1, batch_size=16, device="cpu")


class Slow(Objective):
    """Takes 10 ms a step in the first half of its budget and 30 ms in the second."""

    averaged = ("net",)
    now = 0.0
    """What its clock shows."""

    def __init__(self):
        super().__init__({"net": nn.Linear(64, 1)})
        self.seconds = 0.01

    def advance(self, progress):
        before, self.seconds = self.seconds, 0.01 if progress < 0.5 else 0.03
        return self.seconds != before

    def step(self, batch):
        Slow.now += self.seconds
        yield "net", self.networks["net"](batch.images.flatten(1)).square().mean()


def measure(seconds=0.5):
    return measure_speed(Slow, toy_images(), SETTINGS, seed=0, seconds=seconds)


def test_speed_is_that_of_the_whole_budget(monkeypatch):
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: Slow.now))
    assert measure().seconds_per_image * SETTINGS.batch_size == pytest.approx(0.02)


def test_operations_are_counted_and_take_no_measuring():
    speed = measure(seconds=0.0)
    assert speed.flops_per_image == 2 * (2 * 64 * 1)  # forward, and the weights' gradient
    assert speed.seconds_per_image != speed.seconds_per_image  # not a number


def test_images_are_whole_batches_and_at_least_one():
    speed = Speed(seconds_per_image=0.01, flops_per_image=1e9, device="CPU")
    assert speed.kimg(Budget(minutes=1), 64) == 93 * 64 / 1000  # 6,000 images are 93.75 batches
    assert speed.kimg(Budget(petaflops=0.01), 64) == 156 * 64 / 1000  # 10,000 images
    assert speed.kimg(Budget(minutes=1e-6), 64) == 0.064


def test_measuring_leaves_the_random_generator_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    measure(seconds=0.0)
    assert torch.equal(before, torch.get_rng_state())
    assert POINTS >= 2


def test_a_budget_is_in_one_unit():
    assert read_budget({"minutes": 5}).values() == {"minutes": 5.0}
    assert str(read_budget({"kimg": 12.5})) == "12.5 kimg"
    for wrong in ({}, {"minutes": 1, "kimg": 1}, {"minutes": -1}, {"minutes": "x"}):
        with pytest.raises(SettingError, match="budget"):
            read_budget(wrong)


def test_settings_in_force_hold_the_images():
    settings = {"seed": 1, "training": {"kimg": None, "lr": 1}}
    assert in_force(settings, {"kimg": 3.0}) == {"seed": 1, "training": {"kimg": 3.0, "lr": 1}}
    assert settings["training"]["kimg"] is None
    assert all_steps(replace(SETTINGS, kimg=0.03)) == 2
