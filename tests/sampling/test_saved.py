"""Trained contenders are found again on disk, by names that fit one only."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from gencompare.config.typed import SettingError
from gencompare.imagesets.arrays import Images, ImageSplits
from gencompare.sampling.saved import answer, choose, describe, labels_like, read, saved


def test_labels_are_asked_for_in_proportion_however_the_images_are_sorted():
    heldout = Images(np.zeros((300, 8, 8, 1), np.uint8), np.repeat([0, 1, 2], [150, 100, 50]))
    asked = labels_like(heldout, 120)
    assert np.bincount(asked) == pytest.approx([60, 40, 20], abs=12)
    assert np.array_equal(np.sort(labels_like(heldout, 300)), heldout.labels)
    assert np.array_equal(labels_like(heldout, 700)[:120], asked)
    assert labels_like(Images(heldout.images), 120) is None
    card = {"folder": "sorted", "channels": 1, "resolution": 8, "classes": ["a", "b", "c"]}
    told = describe(ImageSplits(train=heldout, heldout=heldout, card=card))["labels"]
    assert np.array_equal(np.resize(told, 700), labels_like(heldout, 700))  # what `sample` goes by


def test_one_training_is_found_by_its_short_name_in_its_newest_whole_version(tmp_path, leave_training):
    leave_training(tmp_path, "one/squares/dcgan", version="v1")
    leave_training(tmp_path, "one/squares/dcgan", version="v2")
    leave_training(
        tmp_path, "one/squares/dcgan", version="v3", without=["shape.json"]
    )  # a run that was killed
    assert choose(tmp_path, "one.dcgan").version == "v2"
    assert [one.version for one in saved(tmp_path)] == ["v2"]


def test_an_empty_file_of_a_killed_run_gives_way_to_the_version_before(tmp_path, leave_training):
    leave_training(tmp_path, "one/squares/dcgan")
    for version in ("v1", "v2"):
        leave_training(tmp_path, "one/squares/vae", version=version)
    (tmp_path / "one/squares/vae/settings.json/v2/settings.json").write_text("")
    leave_training(tmp_path, "one/squares/flow")
    (tmp_path / "one/squares/flow/settings.json/v1/settings.json").write_text("")
    with pytest.raises(SettingError, match="no such contender is trained"):
        choose(tmp_path, "one.nobody")
    assert choose(tmp_path, "one.dcgan").version == "v1"
    assert read(choose(tmp_path, "one.vae").find).settings["contender"] == "vae"
    assert [one.folder.name for one in saved(tmp_path)] == ["dcgan", "vae"]


@pytest.fixture
def several(tmp_path, leave_training):
    leave_training(tmp_path, "one/squares/dcgan")
    leave_training(tmp_path, "one/squares-resolution16/dcgan")
    leave_training(tmp_path, "one/pandas/dcgan")
    leave_training(tmp_path, "one/pandas/dcgan_repeat1", seed=1)
    leave_training(tmp_path, "old/squares/dcgan", without=["fitted.safetensors"])
    return tmp_path


@pytest.mark.parametrize(
    ("asked", "dataset", "place"),
    [
        ("one.squares.dcgan", None, "squares/dcgan"),
        ("one.squares-resolution16.dcgan", None, "squares-resolution16/dcgan"),
        ("one.pandas.dcgan.1", None, "pandas/dcgan_repeat1"),
        ("one.dcgan.1", None, "pandas/dcgan_repeat1"),
        ("one.dcgan.0", "pandas", "pandas/dcgan"),
    ],
)
def test_of_several_one_is_found_by_image_set_and_seed(several, asked, dataset, place):
    assert choose(several, asked, dataset).folder == several / "one" / place


@pytest.mark.parametrize(
    ("asked", "dataset", "said"),
    [
        ("one.dcgan", None, r"there are 4 of it; say which: from=one.pandas.dcgan.0, from=one.dcgan.1, "),
        ("one.dcgan", "pandas", r"there are 2 of it; say which: from=one.dcgan.0, from=one.dcgan.1$"),
        ("one.dcgan", "squares", r"2 of it; .*from=one.squares.dcgan, from=one.squares-resolution16.dcgan$"),
        ("one.dcgan", "cifar10", r"not trained on cifar10, but on pandas, squares, squares-resolution16$"),
        ("one.dgan", None, r"no such contender is trained; did you mean one.dcgan"),
        ("old.dcgan", None, r"run old again, which trains nothing anew"),
    ],
)
def test_what_is_not_there_once_is_refused_in_one_line(several, asked, dataset, said):
    with pytest.raises(SettingError, match=said) as refused:
        choose(several, asked, dataset)
    assert "\n" not in str(refused.value)


def test_before_anything_is_trained_the_way_there_is_said(tmp_path):
    with pytest.raises(SettingError, match="nothing is trained yet; run a comparison first: kedro run"):
        choose(tmp_path, "gan_compare.dcgan")


def test_labels_are_those_of_the_scored_samples_unless_others_are_asked_for(tmp_path, leave_training):
    leave_training(tmp_path, "one/squares/dcgan")
    trained = read(choose(tmp_path, "one.dcgan").find)
    own = trained.labels(None, 6)
    assert own.tolist() == [2, 0, 1, 1, 2, 0]
    assert not np.array_equal(trained.sample(6, own, seed=3), trained.sample(6, own, seed=4))
    assert trained.labels("bag", 3).tolist() == [1, 1, 1]
    assert trained.labels("2+Shirt", 5).tolist() == [2, 0, 2, 0, 2]
    assert trained.labels(2, 2).tolist() == [2, 2]


def test_a_class_may_be_called_as_another_s_number_or_differ_by_case_alone(tmp_path, leave_training):
    leave_training(tmp_path, "one/squares/dcgan")
    trained = read(choose(tmp_path, "one.dcgan").find)
    trained.shape["classes"] = ["1", "10", "2"]
    assert trained.labels(1, 1).tolist() == [1]
    assert trained.labels([1, 0], 2).tolist() == [1, 0]
    assert trained.labels("1+0+2", 3).tolist() == [0, 0, 2]
    trained.shape["classes"] = ["Cat", "Dog", "cat"]
    assert trained.labels("Cat+cat+dog", 3).tolist() == [0, 2, 1]
    with pytest.raises(SettingError, match="'CAT' is no class"):
        trained.labels("CAT", 1)
    with pytest.raises(SettingError, match=r"labels=\[\]: must be at least one class"):
        trained.labels([], 1)


@pytest.mark.parametrize(("asked", "taken"), [(7, 0), (10, 1), (1, 1), (0, 0), ("07", 0)])
def test_a_number_that_was_typed_is_the_class_of_that_name(tmp_path, leave_training, asked, taken):
    leave_training(tmp_path, "one/squares/dcgan")
    for file in tmp_path.glob("one/squares/dcgan/shape.json/*/shape.json"):
        file.write_text(json.dumps(json.loads(file.read_text()) | {"classes": ["07", "10", "boot"]}))
    request = {"from": "one.dcgan", "dataset": None, "n": 2, "labels": asked}
    assert answer(tmp_path, request)[2].tolist() == [taken, taken]


def test_a_number_that_may_be_several_classes_is_refused(tmp_path, leave_training):
    leave_training(tmp_path, "one/squares/dcgan")
    trained = read(choose(tmp_path, "one.dcgan").find)
    trained.shape["classes"] = ["1", "01", "2"]
    with pytest.raises(SettingError, match=r"labels=1: may be any of the classes 1, 01; .*labels=1\+1$"):
        trained.labels(1, 1, typed=True)
    assert trained.labels("01+01", 2).tolist() == [1, 1]
    assert trained.labels(1, 1).tolist() == [1]


def test_what_another_version_saved_holds_up_nothing_else(tmp_path, leave_training):
    leave_training(tmp_path, "one/squares/dcgan")
    leave_training(tmp_path, "one/squares/gone")
    (file,) = tmp_path.glob("one/squares/gone/settings.json/*/settings.json")
    settings = json.loads(file.read_text())
    settings["model"]["gone_since"] = 1
    file.write_text(json.dumps(settings))
    assert choose(tmp_path, "one.dcgan").version is not None
    with pytest.raises(SettingError, match="saved by another version"):
        choose(tmp_path, "one.gone")


@pytest.mark.parametrize("asked", [3, -1, True, "bg", "bag+", ""])
def test_classes_that_there_are_not_are_refused(tmp_path, asked, leave_training):
    leave_training(tmp_path, "one/squares/dcgan")
    request = {"from": "one.dcgan", "dataset": None, "n": 2, "labels": asked}
    with pytest.raises(
        SettingError, match=f"^labels={asked!r}".replace("+", r"\+") + ".*shirt|did you mean bag"
    ):
        answer(tmp_path, request)


def test_more_images_than_there_is_memory_for_are_refused(tmp_path, monkeypatch, leave_training):
    """They are there twice while they are put together."""
    leave_training(tmp_path, "one/squares/dcgan")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=2 * 100 * 16 * 16))
    request = {"from": "one.dcgan", "dataset": None, "n": 100, "labels": None}
    answer(tmp_path, request)
    with pytest.raises(SettingError, match="^n=101: .* takes 100; make the others of another seed"):
        answer(tmp_path, request | {"n": 101})


def test_labels_of_a_contender_without_any_are_refused(tmp_path, leave_training):
    leave_training(tmp_path, "one/squares/dcgan", conditional=False)
    request = {"from": "one.dcgan", "dataset": None, "n": 2, "labels": 1}
    with pytest.raises(SettingError, match=r"^labels=1: dcgan was trained without labels; leave it out"):
        answer(tmp_path, request)
