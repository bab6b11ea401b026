"""What the explorer shows is what was trained, made as asked for."""

from __future__ import annotations

import json
import socket

import numpy as np
import pytest

from gencompare.config.typed import SettingError
from gencompare.explorer.app import serve
from gencompare.explorer.gallery import FRAMES, Gallery, Wish, wish_of
from gencompare.explorer.votes import Votes
from gencompare.sampling.saved import choose, read

DDPM = {"name": "ddim", "steps": 3, "eta": 1.0, "guidance_scale": 2.0}


@pytest.fixture
def gallery(tmp_path, leave_training):
    leave_training(tmp_path / "06_models", "one/squares/dcgan", conditional=False)
    leave_training(tmp_path / "06_models", "one/squares/ddpm", family="unet", sampler=DDPM)
    return Gallery(tmp_path)


def near(first, last):
    return np.abs(first.astype(int) - last).max() <= 1


def test_controls_are_those_that_a_contender_has(gallery):
    ddpm, dcgan = sorted(gallery.describe(), key=lambda one: one["contender"], reverse=True)
    assert (ddpm["steps"], ddpm["guidance"], ddpm["classes"]) == (3, 2.0, ["shirt", "bag", "boot"])
    assert (dcgan["steps"], dcgan["guidance"], dcgan["classes"]) == (None, None, [])
    values = {"seed": "4", "label": "1", "steps": "2", "guidance": "0.5"}
    assert wish_of(values, ddpm) == Wish(4, 1, 2, 0.5)
    assert wish_of(values, dcgan) == Wish(4)


def test_what_another_version_saved_is_left_out_with_one_line(gallery, tmp_path, caplog):
    (file,) = tmp_path.glob("06_models/one/squares/dcgan/settings.json/*/settings.json")
    settings = json.loads(file.read_text())
    settings["model"]["gone_since"] = 1
    file.write_text(json.dumps(settings))
    for _ in range(2):
        gallery.look()
        assert [one["contender"] for one in gallery.describe()] == ["ddpm"]
    (line,) = caplog.messages
    assert line.startswith("one/squares/dcgan is left out: ")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"seed": "x"}, "seed='x': must be a number"),
        ({"seed": "-1"}, "seed=-1: must be from 0"),
        ({"seed": "4294967296"}, "seed=4294967296: must be from 0 to 4294967295"),
        ({"label": "3"}, "label=3: must be from 0 to 2"),
        ({"steps": "0"}, "steps=0: must be from 1"),
    ],
)
def test_wishes_that_make_no_sense_are_refused(gallery, values, said):
    entry = next(one for one in gallery.describe() if one["steps"])
    with pytest.raises(SettingError, match=said):
        wish_of(values, entry)


def test_images_are_those_of_the_sample_pipeline(gallery, tmp_path):
    trained = read(choose(tmp_path / "06_models", "one.ddpm").find)
    images = gallery.images("one/squares/ddpm", Wish(seed=5), 3)
    assert np.array_equal(images, trained.sample(3, trained.labels(None, 3), 5))
    assert near(gallery.film("one/squares/ddpm", Wish(seed=5), 3)[:, -1], images)
    other = gallery.images("one/squares/ddpm", Wish(seed=5, label=0, steps=2, guidance=1.0), 3)
    wished = read(choose(tmp_path / "06_models", "one.ddpm").find, {"steps": 2, "guidance_scale": 1.0})
    assert np.array_equal(other, wished.sample(3, np.zeros(3, np.int64), 5))


def test_a_walk_ends_at_the_second_image_even_where_the_sampler_draws_noise_on_the_way(gallery, tmp_path):
    for name, own in (("dcgan", {}), ("ddpm", {"eta": 0.0})):
        walk = gallery.walk(f"one/squares/{name}", Wish(seed=5, label=1))
        trained = read(choose(tmp_path / "06_models", f"one.{name}").find, own)
        labels = np.ones(2, np.int64) if name == "ddpm" else None
        ends = trained.sample(2, labels, 5)
        assert len(walk) == FRAMES
        assert near(walk[0], ends[0]) and near(walk[-1], ends[1])


def test_what_is_not_there_is_said_in_one_line(gallery):
    with pytest.raises(
        SettingError, match="contender='one/squares/ddp': unknown; did you mean one/squares/ddpm"
    ):
        gallery.images("one/squares/ddp", Wish(), 1)
    with pytest.raises(SettingError, match="squares: its prepared images are gone; run the comparison again"):
        gallery.nearest("one/squares/dcgan", Wish(), 0)
    with pytest.raises(SettingError, match="its scored samples are gone"):
        gallery.scored("one/squares/dcgan")


def test_a_port_that_is_taken_is_refused_in_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SettingError, match=f"^--port={port}: Address already in use.*; name another$"):
            serve(tmp_path, port)


def test_a_vote_that_was_cut_short_is_left_out(tmp_path):
    votes = Votes(tmp_path / "votes.jsonl")
    votes.add("better", "a", "b", {})
    with votes.file.open("a") as file:
        file.write('{"at": 1')
    assert [vote["chosen"] for vote in votes.current({})] == ["a"]
