"""What is known of how long trainings take, and what is guessed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gencompare.config_loader import ComparisonConfigLoader
from gencompare.durations import SPEEDS, expected_seconds, known_seconds
from gencompare.settings import CONFIG_LOADER_ARGS

CONF = str(Path(__file__).parents[1] / "conf")


def planned(**asked):
    loader = ComparisonConfigLoader(CONF, runtime_params=asked, **CONFIG_LOADER_ARGS)
    return loader.plan.planned["gan_compare"]


def save_speed(data, speed, version):
    cost = data / "06_models/gan_compare/squares/dcgan/cost.json" / version / "cost.json"
    cost.parent.mkdir(parents=True)
    cost.write_text(json.dumps({"images_per_second": speed}))


def test_the_newest_training_says_how_fast_the_next_will_be(tmp_path):
    save_speed(tmp_path, 400.0, "2026-01-01")
    save_speed(tmp_path, 500.0, "2026-02-01")
    asked = {"contenders": {"dcgan": {"training": {"kimg": 100}}}}
    known = known_seconds(planned(**asked), tmp_path)
    assert known["dcgan"] == 1000 * 100 / 500
    assert known["ddpm"] is None


def test_what_has_never_been_trained_is_guessed(tmp_path):
    asked = {"contenders": {"ddpm": {"training": {"kimg": 50}}}}
    expected = expected_seconds(planned(**asked), tmp_path)
    assert expected["ddpm"] == pytest.approx(1000 * 50 / SPEEDS["unet"])
    assert expected["ddpm"] > expected["vae"]


def test_a_budget_in_minutes_says_it_itself(tmp_path):
    assert set(expected_seconds(planned(budget={"minutes": 2}), tmp_path).values()) == {120.0}
