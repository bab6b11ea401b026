"""From training images to samples: which weights are chosen, and by what."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from gencompare.config.contender import read_contender
from gencompare.evaluation import features as features_module
from gencompare.imagesets.arrays import Images, ImageSplits
from gencompare.models.parts.shape import ImageShape
from gencompare.models.parts.weights import flatten_weights
from gencompare.pipelines.modelling import nodes, pictures, samplers, validation
from gencompare.reporting.curves import over_seeds
from gencompare.sampling import images as sampling
from gencompare.sampling.saved import labels_like
from gencompare.sampling.settings import DDIM, DDPM, DPMSolver, Heun
from gencompare.training import checkpoint
from gencompare.training.validation import Point, keep

GIVEN = {
    "model": {"name": "progressive_gan", "latent_dim": 4, "width": 4, "max_width": 8},
    "objective": {"name": "wgan_gp", "n_critic": 1},
    "sampler": {"name": "latent"},
    "training": {
        "kimg": 0.32,
        "batch_size": 8,
        "rows": 10,
        "validations": 2,
        "validation_samples": 48,
        "lr": 1e-3,
        "device": "cpu",
    },
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


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    """Features of the training images, which take longest, once for all."""
    return tmp_path_factory.mktemp("features")


def train(prepared, folder, features):
    _, *weights, fitted, _, history, outcome, cost, curve, samples = nodes.train_contender(
        prepared, SETTINGS, {"kimg": 0.32}, folder / "trainings", features
    )
    assert fitted == {}
    return *weights, history, outcome, cost, curve, samples


@pytest.fixture(scope="module")
def prepared():
    card = {"folder": "squares", "channels": 1, "resolution": 16, "classes": [], "sha256": {"train": "a"}}
    return ImageSplits(Images(squares(0)), Images(squares(1, 40)), card)


@pytest.fixture(scope="module")
def trained(prepared, features, tmp_path_factory):
    return train(prepared, tmp_path_factory.mktemp("trained"), features)


class Shows:
    """Stands for a sampler that makes given images."""

    classes, nfe = 0, 1

    def __init__(self, images):
        self.images = images


@pytest.fixture
def shown(monkeypatch):
    monkeypatch.setattr(sampling, "sample", lambda sampler, n, *_: sampler.images[:n])


def test_images_like_the_training_ones_are_nearer_than_noise(prepared, features):
    validator = validation.Validator(prepared.train, features, 192, "cpu")
    noise = np.random.default_rng(0).integers(0, 256, (192, 16, 16, 1), dtype=np.uint8)
    alike, far = (validator.distance(images) for images in (squares(2, 192), noise))
    assert alike["high"] < far["low"] / 4
    assert validator.distance(squares(2, 192)) == alike
    assert validator.references["noise"] == pytest.approx(far["value"], rel=0.1)
    assert abs(validator.references["real_images"]) < far["value"] / 20


def test_the_curve_is_measured_where_the_contender_trains(prepared, features, tmp_path, monkeypatch):
    asked, short = [], SETTINGS | {"training": SETTINGS["training"] | {"validations": 1}}
    monkeypatch.setattr(
        features_module, "find_device", lambda device: asked.append(device) or torch.device("cpu")
    )
    nodes.train_contender(prepared, short, {"kimg": 0.08}, tmp_path, features)
    assert set(asked) == {"cpu"}


def test_fewer_images_have_the_same_distance_but_a_wider_interval(prepared, features):
    """What lets slow samplers be validated on fewer: the distance has no bias from n."""
    validator = validation.Validator(prepared.train, features, 192, "cpu")
    darker = squares(3, 640) // 2
    many = validator.distance(darker)["value"]
    few = [validator.distance(darker[start : start + 64]) for start in range(0, 640, 64)]
    assert np.mean([one["value"] for one in few]) == pytest.approx(many, rel=0.1)
    assert all(one["standard_error"] > 0 for one in few)


def test_a_curve_is_measured_once_and_its_best_point_has_the_least_distance(
    prepared, features, tmp_path, shown, monkeypatch
):
    save_file({"g.w": torch.zeros(1)}, tmp_path / "w.safetensors")
    points = [Point({"kimg": float(i)}, tmp_path / "w.safetensors") for i in range(3)]
    noise = np.random.default_rng(0).integers(0, 256, (192, 16, 16, 1), dtype=np.uint8)
    made = iter([noise, squares(2, 192), squares(2, 192) // 2])  # the untrained one's first
    contender = read_contender(GIVEN)

    def curve(make):
        return validation.Validator(prepared.train, features, 192, "cpu").curve(
            points, contender, make, tmp_path
        )

    first = curve(lambda *_: Shows(next(made)))
    again = curve(pytest.fail)
    assert first.best == again.best == 1
    assert first.found == again.found and [p["kimg"] for p in first.found["points"]] == [0, 1, 2]
    assert first.found["passport"]["n"] == 192
    assert (first.samples == again.samples).all() and (first.samples[0] == noise[:16]).all()


def test_the_curve_of_a_training_done_anew_is_not_the_old_one_s(prepared, tmp_path, shown, monkeypatch):
    """Its weights may be others: on a card, and wherever sums are rounded otherwise."""
    save_file({"g.w": torch.zeros(1)}, tmp_path / "w.safetensors")
    monkeypatch.setattr(validation.Validator, "distance", lambda _, images: {"value": float(images.mean())})
    monkeypatch.setattr(validation.Validator, "references", {})
    monkeypatch.setattr(validation.Validator, "_facts", lambda _: {})
    validator = validation.Validator(prepared.train, tmp_path, 48, "cpu")

    def curve(seconds, *distances):
        spent = ({"kimg": float(i), "train_seconds": i * seconds} for i in range(3))
        points = [Point(each, tmp_path / "w.safetensors") for each in spent]
        made = (Shows(np.full((48, 16, 16, 1), distance, np.uint8)) for distance in distances)
        return validator.curve(points, read_contender(GIVEN), lambda *_: next(made), tmp_path)

    assert curve(1.0, 9, 2, 5).best == curve(1.0).best == 1
    anew = curve(1.5, 9, 5, 2)
    assert anew.best == 2
    assert [point["train_seconds"] for point in anew.found["points"]] == [0.0, 1.5, 3.0]


@pytest.mark.parametrize(
    ("sampler", "nfe", "timesteps", "quick"),
    [
        (Heun(steps=10, autoguidance=2.0), 38, 1000, DPMSolver(steps=10, autoguidance=2.0)),
        (DDIM(steps=20), 20, 1000, DDIM(steps=20)),
        (DDPM(steps=1000), 1000, 1000, DPMSolver(steps=20)),
        (DDIM(steps=50, guidance_scale=2.0), 100, 1000, DPMSolver(steps=10, guidance_scale=2.0)),
        (Heun(steps=15), 29, 16, DPMSolver(steps=16)),
    ],
)
def test_slow_samplers_are_validated_by_a_quick_one(sampler, nfe, timesteps, quick):
    contender = replace(read_contender(GIVEN), sampler=sampler)
    assert validation.quickened(contender, nfe, timesteps).sampler == quick


def test_validation_never_looks_at_the_held_out_split(prepared, trained, features, tmp_path):
    other = train(replace(prepared, heldout=Images(255 - squares(9, 40))), tmp_path, features)
    found = [[point["value"] for point in made[6]["points"]] for made in (trained, other)]
    assert len(found[0]) == 3 and found[0] == found[1]


FAMILIES = {
    "dcgan": ({"name": "dcgan", "latent_dim": 4, "width": 8}, {"name": "vanilla"}, {"name": "latent"}),
    "vae": (
        {"name": "vae", "latent_dim": 4, "width": 8},
        {"name": "elbo"},
        {"name": "mixture", "components": 2},
    ),
    "unet": (
        {"name": "unet", "widths": [8], "attention": []},
        {"name": "denoising"},
        {"name": "ddim", "steps": 4},
    ),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_contender_that_never_learns_ends_as_it_began(prepared, features, tmp_path, family):
    model, objective, sampler = FAMILIES[family]
    given = {"model": model, "objective": objective, "sampler": sampler}
    still = given | {"training": GIVEN["training"] | {"lr": 1e-30}}
    settings = {"name": family, "contender": family, "seed": 0} | read_contender(still).values()
    *_, curve, _ = nodes.train_contender(prepared, settings, {"kimg": 0.32}, tmp_path, features)
    assert not over_seeds([curve]).learnt


def test_a_sampler_is_fitted_to_the_images_that_its_contender_sees(prepared, features, tmp_path, monkeypatch):
    model, objective, sampler = FAMILIES["vae"]
    few = {"model": model, "objective": objective, "sampler": sampler, "images": {"count": 30}}
    contender = read_contender(few | {"training": GIVEN["training"] | {"validations": 1}})
    settings = {"name": "few", "contender": "few", "seed": 0} | contender.values()
    fitted_to, fit = [], samplers.fit

    def fitting(model, sampler, weights, shape, images, *rest):
        fitted_to.append(images)
        return fit(model, sampler, weights, shape, images, *rest)

    monkeypatch.setattr(samplers, "fit", fitting)
    cost = nodes.train_contender(prepared, settings, {"kimg": 0.08}, tmp_path, features)[8]
    assert 0.0 < cost["fit_seconds"] < 60.0
    assert len(fitted_to) == 3  # two points of the curve, and the samples
    assert all((images == prepared.train.images[::10]).all() for images in fitted_to)


@pytest.mark.parametrize("choice", ["last", "best"])
def test_a_sampler_is_guided_by_the_weights_that_were_kept_before_the_chosen_ones(
    prepared, features, tmp_path, choice, monkeypatch
):
    model, objective, sampler = FAMILIES["unet"]
    guided = sampler | {"autoguidance": 2.0, "earlier": 0.25}
    training = GIVEN["training"] | {"validations": 6, "rows": 40, "sample_from": choice}
    given = {"model": model, "objective": objective, "sampler": guided, "training": training}
    settings = {"name": "own", "contender": "own", "seed": 0} | read_contender(given).values()
    chosen = {"last": 6, "best": 4}[choice]
    curve = validation.Validator.curve
    monkeypatch.setattr(validation.Validator, "curve", lambda *asked: replace(curve(*asked), best=4))
    left = nodes.train_contender(prepared, settings, {"kimg": 0.64}, tmp_path, features)
    kept = [load_file(file) for file in sorted(tmp_path.glob("*/point-*"))]
    shares = [point["kimg"] / 0.64 for point in left[9]["points"]]
    wanted = next(place for place in (2, 4) if shares[place] == pytest.approx(shares[chosen] / 4, rel=0.2))
    fitted = left[4]
    assert fitted.keys() == kept[wanted].keys()
    assert all(torch.equal(fitted[key], kept[wanted][key]) for key in fitted)


def test_weights_without_trained_ones_before_them_are_their_own_guide():
    points = [Point({"kimg": kimg}, Path(f"{kimg:g}")) for kimg in (0.0, 1.0, 2.0, 4.0, 8.0)]
    guides = [samplers.earlier(points, place, 0.25).spent["kimg"] for place in range(5)]
    assert guides == [0.0, 1.0, 1.0, 1.0, 2.0]
    assert samplers.earlier(points, -1, 0.5).spent["kimg"] == 4.0


def test_best_weights_are_those_of_the_least_distance(trained):
    weights, best, _, history, outcome, _, curve, samples = trained
    values = [point["value"] for point in curve["points"][1:]]
    assert outcome["best_validation_kid"] == min(values)
    assert outcome["last_validation_kid"] == values[-1]
    assert curve["points"][-1]["kimg"] == history["kimg"].iloc[-1]
    same = best.keys() == weights.keys() and all(torch.equal(best[key], weights[key]) for key in weights)
    assert same == (min(values) == values[-1])
    assert samples.images.shape == (3 * 16, 16, 16, 1)


def test_the_chosen_weights_make_the_samples(prepared, trained):
    weights = trained[0]
    best = {key: value + 1 if value.is_floating_point() else value for key, value in weights.items()}

    def samples(last, settings):
        return nodes.sample_contender(last, best, {}, prepared, settings, EVALUATION)[0].images

    assert (samples(weights, BEST) == samples(best, SETTINGS)).all()
    assert (samples(weights, SETTINGS) != samples(weights, BEST)).any()


def test_choosing_other_weights_or_another_sampler_trains_nothing_anew(prepared):
    def of(settings):
        return nodes._fingerprint(prepared, settings, read_contender(settings))

    other = SETTINGS | {"sampler": {"name": "mixture", "components": 3, "images": 10}}
    assert of(BEST) == of(SETTINGS) == of(other)


def cut(file):
    file.write_bytes(file.read_bytes()[:-20])


@pytest.mark.parametrize(
    "kept", ["point-*.safetensors", "curve-*.json", "curve-*.npy", "0*/tensors.safetensors"]
)
def test_what_a_training_kept_and_is_broken_is_made_again(
    prepared, trained, features, tmp_path, caplog, kept
):
    train(prepared, tmp_path, features)
    caplog.clear()
    broken = max((tmp_path / "trainings").glob(f"*/{kept}"))
    cut(broken)
    again = train(prepared, tmp_path, features)
    assert "set aside as" in caplog.text
    for one, other in zip(again[:3], trained[:3], strict=True):
        assert same_weights(one, other)


class Begun(Exception):
    """Training has."""


@pytest.mark.parametrize("lost", ["gone", "empty"])
def test_training_goes_on_from_before_what_it_kept_and_lost(prepared, tmp_path, monkeypatch, caplog, lost):
    """As a loss of power leaves it; seen before the rest of the budget is spent, not after."""
    folder = tmp_path / nodes._fingerprint(prepared, SETTINGS, read_contender(SETTINGS))
    points = [{"steps": steps, "kimg": steps / 100} for steps in (0, 10)]
    weights = {"g.w": torch.zeros(1)}
    keep(weights, folder, 0)
    if lost == "empty":
        (folder / "point-000000010.safetensors").write_bytes(b"")
    checkpoint.save(folder, "000000005", weights, {"points": points[:1]})
    checkpoint.save(folder, "000000010", weights, {"points": points})

    def begin(*_, folder, **__):
        raise Begun(*[path.name for path in folder.glob("0*")])

    monkeypatch.setattr(nodes, "train", begin)
    with pytest.raises(Begun, match="^000000005$"):
        nodes._train(prepared, SETTINGS, tmp_path, tmp_path)
    assert "grows goes on from an earlier checkpoint" in caplog.text
    caplog.clear()
    with pytest.raises(Begun, match="^000000005$"):
        nodes._train(prepared, SETTINGS, tmp_path, tmp_path)
    assert "grows" not in caplog.text


def same_weights(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


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
    weights, best, stages, _, outcome, cost, *_ = trained
    assert outcome["stages"] == 3
    assert not outcome.keys() & cost.keys()
    assert cost["fit_seconds"] == 0.0  # its sampler learns nothing
    samples, *_ = nodes.sample_contender(weights, best, {}, prepared, SETTINGS, EVALUATION)
    picture = nodes.picture_contender(weights, best, {}, stages, samples, prepared, SETTINGS)[2]
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
    card = {
        "folder": "squares",
        "channels": 1,
        "resolution": 16,
        "classes": ["a", "b", "c"],
        "sha256": {"train": "a"},
    }
    prepared = ImageSplits(images, images, card)
    torch.manual_seed(0)
    weights = flatten_weights(contender.model.networks(ImageShape(1, 16, 3)))

    whole, _, cost = nodes.sample_contender(weights, weights, {}, prepared, settings, {"samples": 150})
    asked = (weights, weights, {}, prepared, settings, labels_like(images, 150))
    parts = [
        nodes._sample_part(0, 150, 0.0, *asked)[0],  # out of time after one batch
        nodes._sample_part(64, 64, math.inf, *asked)[0],
        nodes._sample_part(128, 22, math.inf, *asked)[0],
    ]
    assert [len(part) for part in parts] == [64, 64, 22]
    assert (np.concatenate(parts) == whole.images).all()
    assert (whole.labels == asked[-1]).all()
    sampler = samplers.ready(contender, weights, ImageShape(1, 16, 3), {})
    assert (sampling.sample(sampler, 150, asked[-1], settings["seed"]) == whole.images).all()
    assert cost["nfe"] == 1 and cost["seconds_per_image"] > 0


@pytest.mark.parametrize(("photos", "errors"), [(29, 29), (200, 64)])
def test_reconstructions_are_of_one_image_a_photo_from_all_over_the_split(monkeypatch, photos, errors):
    source = np.repeat(np.arange(photos), 10)
    labels = np.repeat(np.arange(photos) * 2 // photos, 10)
    pixels = np.broadcast_to(source.astype(np.uint8)[:, None, None, None], (len(source), 8, 8, 1))
    heldout = Images(np.ascontiguousarray(pixels), labels, {"source": source})
    shown = []

    def reconstruct(sampler, real, labels):
        shown.append((real[:, 0, 0, 0], labels))
        return real

    def interpolate_real(sampler, first, last, frames, labels):
        return np.repeat(first[:, None], frames, axis=1)

    monkeypatch.setattr(pictures.sampling, "reconstruct", reconstruct)
    monkeypatch.setattr(pictures.sampling, "interpolate_real", interpolate_real)
    _, found = pictures.reconstruction(SimpleNamespace(inverts=True, classes=2), heldout)
    [(greys, given)] = shown
    assert found == [0.0] * errors
    assert len(set(greys.tolist())) == errors and greys.max() > 0.9 * photos
    assert len(set(given[:6].tolist())) == 2  # the few that are drawn are of both classes
    assert np.array_equal(given, greys.astype(int) * 2 // photos)
