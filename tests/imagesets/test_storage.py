from __future__ import annotations

import hashlib
import json
from functools import partial

import numpy as np
import pytest

from gencompare.config.typed import SettingError
from gencompare.imagesets import storage
from gencompare.imagesets.arrays import Images
from gencompare.imagesets.base import Preparation
from gencompare.imagesets.card import Tally, contact_sheet
from gencompare.imagesets.squares import Squares


def images(count: int, channels: int = 3, seed: int = 0) -> Images:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (count, 16, 16, channels), dtype=np.uint8)
    names = np.array([f"{n}.png" for n in range(count)], np.str_)
    return Images(pixels, rng.integers(0, 3, count), {"source": names, "place": rng.normal(size=(count, 2))})


def sliced(whole: Images, size: int):
    for start in range(0, len(whole), size):
        part = slice(start, start + size)
        factors = {name: values[part] for name, values in whole.factors.items()}
        yield Images(whole.images[part], whole.labels[part], factors)


def preparation(train: Images, heldout: Images, size: int = 7) -> Preparation:
    card = {
        "name": "made_up",
        "folder": "made_up-resolution16",
        "classes": ["a", "b", "c"],
        "resolution": 16,
        "channels": train.images.shape[3],
        "source": "made up",
        "licence": "free",
    }
    return Preparation("f" * 64, card, partial(sliced, train, size), partial(sliced, heldout, size))


@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_written_is_read_again(tmp_path, channels):
    train, heldout = images(40, channels), images(9, channels, seed=1)
    card = storage.write(preparation(train, heldout), tmp_path)
    read = storage.read(tmp_path)
    for was, now in ((train, read.train), (heldout, read.heldout)):
        assert np.array_equal(was.images, now.images)
        assert np.array_equal(was.labels, now.labels)
        assert set(now.factors) == {"source", "place"}
        assert all(np.array_equal(was.factors[name], now.factors[name]) for name in was.factors)
    assert isinstance(read.train.images, np.memmap)
    assert not read.train.images.flags.writeable
    assert read.card == card == json.loads((tmp_path / "card.json").read_text())


def test_the_card_counts_and_measures(tmp_path):
    train, heldout = images(40), images(9, seed=1)
    card = storage.write(preparation(train, heldout), tmp_path)
    assert card["counts"] == {"train": 40, "heldout": 9}
    assert card["splits"]["train"]["mean"] == pytest.approx(train.images.mean((0, 1, 2)))
    assert card["splits"]["train"]["deviation"] == pytest.approx(train.images.std((0, 1, 2)))
    assert list(card["splits"]["train"]["per_class"].values()) == np.bincount(train.labels).tolist()
    content = train.images.tobytes() + train.labels.tobytes()
    assert card["sha256"]["train"] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("channels", [1, 3])
def test_held_out_images_that_are_trained_on_are_counted_whatever_their_files(tmp_path, channels):
    train, heldout = images(40, channels), images(9, channels, seed=1)
    heldout.images[[2, 5, 6]] = train.images[[30, 0, 30]]
    heldout.images[7] = train.images[1] ^ 1
    assert storage.write(preparation(train, heldout), tmp_path)["heldout_in_train"] == 3


def test_all_bytes_are_the_same_whatever_the_chunk_size(tmp_path):
    written = []
    for size in (1, 7, 100):
        folder = tmp_path / str(size)
        folder.mkdir()
        storage.write(preparation(images(40), images(9), size), folder)
        written.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert written[0] == written[1] == written[2]
    assert set(written[0]) == {*storage.FILES, *storage.TABLES}


def test_an_empty_split_is_refused(tmp_path):
    with pytest.raises(SettingError, match="no image is left for the heldout split"):
        storage.write(preparation(images(4), images(0)), tmp_path)
    assert not storage.is_complete(tmp_path)


def test_the_generator_of_squares_is_on_the_card(tmp_path):
    card = storage.write(Squares(count=20, heldout=10, resolution=64, side=(0.25, 0.5)).prepare(), tmp_path)
    assert card["generator"]["side"] == [16, 32]
    assert card["generator"]["colour"] == [0.3, 1.0]
    assert set(storage.read(tmp_path).train.factors) == {"colour", "side", "angle", "centre"}


def test_a_tally_does_not_mind_empty_chunks():
    tally = Tally()
    tally.add(images(0))
    tally.add(images(5))
    assert tally.summary(["a", "b", "c"])["count"] == 5


def test_a_contact_sheet_shows_classes_in_order():
    grey = np.zeros((300, 16, 16, 1), np.uint8)
    labels = np.tile([2, 1, 0], 100)
    grey[:] = (labels * 100)[:, None, None, None]
    sheet = np.asarray(contact_sheet(Images(grey, labels)).convert("L"))
    cells = sheet[34::66, 34::66]
    assert cells.shape == (8, 12)
    assert (np.diff(cells.ravel().astype(int)) >= 0).all()
    assert set(cells.ravel()) == {0, 100, 200}


def test_the_caption_of_a_contact_sheet_stands_above_its_grid():
    plain = np.asarray(contact_sheet(images(3)))
    titled = np.asarray(contact_sheet(images(3), ["made_up: 3 train"]))
    above = len(titled) - len(plain)
    assert above > 0
    assert np.array_equal(titled[above:], plain)
    assert (titled[:above] < 128).any()
