"""From training images to samples: which weights are chosen, and by what."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from gencompare.config.contender import read_contender
from gencompare.imagesets.arrays import Images, ImageSplits
from gencompare.models.parts.shape import ImageShape
from gencompare.models.parts.weights import flatten_weights
from gencompare.pipelines.modelling import nodes, validation
from gencompare.sampling import images as sampling

GIVEN = {
    "model": {"name": "progressive_gan", "latent_dim": 4, "width": 4, "max_width": 8},
    "objective": {"name": "wgan_gp", "n_critic": 1},
    "sampler": {"name": "latent"},
    "training": {"kimg": 0.32, "batch_size": 8, "rows": 10, "validations": 2, "lr": 1e-3, "device": "cpu"},
}
SETTINGS = {"name": "grows", "contender": "grows", "seed": 0} | read_contender(GIVEN).values()
BEST = SETTINGS | {"training": SETTINGS["training"] | {"sample_from": "best"}}
EVALUATION = {"samples": 16}


def squares(seed, n=300):
    """Grey squares on black: uint8 (n, 16, 16, 1)."""
    rng = np.random.default_rng(seed)
    images = np.zeros((n, 16, 16, 1), np.uint8)
    for image, (top, left) in zip(images, rng.integers(0, 8, (n, 2)), strict=True):
        image[top : top + 8, left : left + 8] = rng.integers(100, 256)
    return images


def train(prepared, folder):
    _, *made = nodes.train_contender(
        prepared, SETTINGS, {"kimg": 0.32}, folder / "trainings", folder / "features"
    )
    return made


@pytest.fixture(scope="module")
def prepared():
    card = {"channels": 1, "resolution": 16, "classes": [], "sha256": {"train": "a"}}
    return ImageSplits(Images(squares(0)), Images(squares(1, 40)), card)


@pytest.fixture(scope="module")
def trained(prepared, tmp_path_factory):
    return train(prepared, tmp_path_factory.mktemp("trained"))


def test_images_like_the_training_ones_are_nearer_than_noise(monkeypatch, prepared, tmp_path):
    validator = validation.Validator(prepared.train, tmp_path)
    noise = np.random.default_rng(0).integers(0, 256, (256, 16, 16, 1), dtype=np.uint8)
    shown = iter([squares(2, 256), noise, squares(2, 256)])
    monkeypatch.setattr(sampling, "sample", lambda *_: next(shown))

    class Unconditional:
        classes = 0

    alike, far, again = (validator.distance(Unconditional) for _ in range(3))
    assert 0 <= alike < far / 4
    assert validator.protocol == "fd_efficientnet_lite0, 256 samples against 300 training images"
    assert alike == again


def test_validation_never_looks_at_the_held_out_split(prepared, trained, tmp_path):
    other = train(replace(prepared, heldout=Images(255 - squares(9, 40))), tmp_path)
    distances = [
        [point["validation_fd"] for point in outcome["validations"]] for *_, outcome, _ in (trained, other)
    ]
    assert len(distances[0]) == 2 and distances[0] == distances[1]


def test_best_weights_are_those_of_the_least_distance(trained):
    weights, best, _, history, outcome, _ = trained
    assert outcome["best_validation_fd"] == history["validation_fd"].min()
    best_at_end = outcome["best_kimg"] == history["kimg"].iloc[-1]
    assert all(torch.equal(best[key], weights[key]) for key in weights) == best_at_end


def test_the_chosen_weights_make_the_samples(prepared, trained):
    weights = trained[0]
    best = {key: value + 1 if value.is_floating_point() else value for key, value in weights.items()}

    def samples(last, settings):
        return nodes.sample_contender(last, best, prepared, settings, EVALUATION)[0].images

    assert (samples(weights, BEST) == samples(best, SETTINGS)).all()
    assert (samples(weights, SETTINGS) != samples(weights, BEST)).any()


def test_choosing_other_weights_trains_nothing_anew_but_another_sampler_validates_anew(prepared):
    def of(settings):
        return nodes._fingerprint(prepared, settings, read_contender(settings))

    other = SETTINGS | {"sampler": {"name": "mixture", "components": 3, "images": 10}}
    never = {"training": SETTINGS["training"] | {"validations": 0}}
    assert of(BEST) == of(SETTINGS)
    assert of(other) != of(SETTINGS)
    assert of(other | never) == of(SETTINGS | never)


def test_trainings_that_are_the_same_lie_in_one_folder_and_are_done_once(prepared, tmp_path, caplog):
    settings = SETTINGS | {"training": SETTINGS["training"] | {"validations": 0}}
    for name in ("one", "two"):
        with caplog.at_level("INFO"):
            settings_in_force, *_ = nodes.train_contender(
                prepared, settings | {"name": name}, {"kimg": 0.08}, tmp_path, tmp_path
            )
        assert settings_in_force["training"]["kimg"] == 0.08
    (folder,) = tmp_path.glob("*/settings.json")
    assert "two is already trained" in caplog.text
    assert list(folder.parent.glob("0*"))


def test_a_growing_model_shows_its_samples_at_each_resolution(prepared, trained):
    weights, best, stages, _, outcome, cost = trained
    assert outcome["stages"] == 3
    assert not outcome.keys() & cost.keys()
    samples, *_ = nodes.sample_contender(weights, best, prepared, SETTINGS, EVALUATION)
    picture = nodes.picture_contender(weights, best, stages, samples, prepared, SETTINGS)[2]
    sheet = np.asarray(picture)[::2, ::2, 0]  # pictures are enlarged twice
    assert sheet.shape[1] == 3 * 16
    first = sheet[:16]
    assert (first[:, 32:] == samples.images[0, ..., 0]).all()
    for column, block in [(0, 4), (1, 2)]:  # 4 and 8 pixels a side, each enlarged to 16
        image = first[:, 16 * column : 16 * (column + 1)]
        assert (image == image[::block, ::block].repeat(block, 0).repeat(block, 1)).all()
        assert image.std() > 0


def test_samples_made_in_parts_are_those_made_at_once():
    given = GIVEN | {"model": GIVEN["model"] | {"conditional": True}}
    contender = read_contender(given)
    settings = SETTINGS | contender.values()
    rng = np.random.default_rng(0)
    images = Images(squares(0, 40), rng.integers(0, 3, 40))
    card = {"channels": 1, "resolution": 16, "classes": ["a", "b", "c"], "sha256": {"train": "a"}}
    prepared = ImageSplits(images, images, card)
    torch.manual_seed(0)
    weights = flatten_weights(contender.model.networks(ImageShape(1, 16, 3)))

    whole, _, cost = nodes.sample_contender(weights, weights, prepared, settings, {"samples": 150})
    asked = (weights, weights, prepared, settings, np.resize(images.labels, 150))
    parts = [
        nodes._sample_part(0, 150, 0.0, *asked)[0],  # out of time after one batch
        nodes._sample_part(64, 64, math.inf, *asked)[0],
        nodes._sample_part(128, 22, math.inf, *asked)[0],
    ]
    assert [len(part) for part in parts] == [64, 64, 22]
    assert (np.concatenate(parts) == whole.images).all()
    assert (whole.labels == asked[-1]).all()
    sampler = nodes._trained(weights, prepared, settings)
    assert (sampling.sample(sampler, 150, asked[-1], settings["seed"]) == whole.images).all()
    assert cost["nfe"] == 1 and cost["seconds_per_image"] > 0
