from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gencompare.config.typed import SettingError
from gencompare.imagesets import storage
from gencompare.imagesets.augmentation import Augmenter, Strength, shrunk
from gencompare.imagesets.panda_photos import Pandas


def test_every_image_can_be_traced_and_made_again(make_folder, tmp_path):
    folder = make_folder(*(f"{n}.png" for n in range(10)))
    storage.write(Pandas(folder=str(folder), count=50, resolution=16).prepare(), tmp_path)
    train = storage.read(tmp_path).train
    table = pd.read_csv(tmp_path / "train.csv")
    assert list(table.columns) == ["index", "source", "recipe", "seed"]
    augment = Augmenter("advanced", Strength(), 16)
    for row in table.iloc[::7].itertuples():
        photo = shrunk(Image.open(folder / row.source).convert("RGB"), augment.working_side)
        assert np.array_equal(augment.make(photo, [row.seed])[0], train.images[row.index])


def test_photos_are_used_equally_and_in_one_split_only(make_folder, read_all):
    folder = make_folder(*(f"{n}.png" for n in range(10)))
    train, heldout = read_all(Pandas(folder=str(folder), count=100, resolution=16, heldout=0.3).prepare())
    photos, copies = np.unique(train.factors["source"], return_counts=True)
    assert len(photos) == 7
    assert set(copies) == {14, 15}
    assert len(heldout) == 3
    assert set(heldout.factors["source"]).isdisjoint(photos)
    assert set(heldout.factors["recipe"]) == {"none"}


def test_two_recipes_make_as_many_images_each_of_the_same_photos(make_folder, read_all):
    folder = make_folder(*(f"{n}.png" for n in range(10)))
    both = Pandas(folder=str(folder), count=24, resolution=16, recipe="basic+advanced")
    train, _ = read_all(both.prepare())
    assert len(train) == 48
    alone, _ = read_all(Pandas(folder=str(folder), count=24, resolution=16, recipe="basic").prepare())
    basic = train.factors["recipe"] == "basic"
    assert np.array_equal(train.images[basic], alone.images)
    assert np.array_equal(train.factors["source"][basic], train.factors["source"][~basic])
    assert set(train.factors["recipe"]) == {"basic", "advanced"}


def test_the_held_out_split_can_be_expanded_too(make_folder, read_all):
    folder = make_folder(*(f"{n}.png" for n in range(10)))
    images = Pandas(folder=str(folder), count=20, heldout_count=9, resolution=16)
    train, heldout = read_all(images.prepare())
    assert len(heldout) == 9
    assert set(heldout.factors["source"]).isdisjoint(train.factors["source"])
    assert set(heldout.factors["seed"]).isdisjoint(train.factors["seed"])


def test_the_count_is_kept_when_photos_are_unreadable(make_folder, read_all):
    folder = make_folder(*(f"{n}.png" for n in range(10)))
    for name in ("3.png", "9.png"):
        (folder / name).write_bytes((folder / name).read_bytes()[:-40])
    images = Pandas(folder=str(folder), count=101, resolution=16, heldout=0.1, unreadable=0.5)
    preparation = images.prepare()
    train, _ = read_all(preparation)
    assert len(train) == 101
    assert preparation.found()["unreadable"]["count"] >= 1
    with pytest.raises(SettingError, match="of 10 image files cannot be read"):
        strict = Pandas(folder=str(folder), count=20, resolution=16).prepare()
        read_all(strict)
        strict.found()


def test_without_a_folder_the_next_step_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "kagglehub", None)
    with pytest.raises(SettingError, match=r"image_set.folder: name your folder .*pip install kagglehub"):
        Pandas().check()


def test_of_a_download_only_the_pandas_are_used(monkeypatch, make_folder, read_all):
    names = [f"animals/{kind}/{n}.png" for kind in ("panda", "cats") for n in range(4)]
    folder = make_folder(*names)

    class Kagglehub:
        @staticmethod
        def dataset_download(handle: str) -> str:
            assert handle.startswith("ashishsaxena2209/")
            return str(folder)

    monkeypatch.setitem(__import__("sys").modules, "kagglehub", Kagglehub)
    train, heldout = read_all(Pandas(count=10, resolution=16).prepare())
    used = {*train.factors["source"], *heldout.factors["source"]}
    assert used == {f"animals/panda/{n}.png" for n in range(4)}


def test_a_failed_download_ends_in_one_line(monkeypatch):
    class Kagglehub:
        @staticmethod
        def dataset_download(handle: str) -> str:
            raise ValueError("403\nForbidden")

    monkeypatch.setitem(__import__("sys").modules, "kagglehub", Kagglehub)
    with pytest.raises(
        SettingError, match=r"the download failed \(403 Forbidden\).*image_set.folder"
    ) as raised:
        Pandas().prepare()
    assert "\n" not in str(raised.value)


def test_the_real_photos_are_expanded_quickly(shared_data):
    preparation = Pandas(folder=str(shared_data / "pandas"), count=3_000, resolution=64).prepare()
    assert sum(len(chunk) for chunk in preparation.heldout()) == 29
    rates = []
    for _ in range(3):
        start = time.process_time()  # of all threads: what else the machine does counts little
        assert sum(len(chunk) for chunk in preparation.train()) == 3_000
        rates.append(3_000 / (time.process_time() - start))
    assert max(rates) > 1_500  # images per second of one core
    assert preparation.found()["files"] == 144


def test_memory_does_not_grow_with_the_images(shared_data, tmp_path):
    def peak(count: int) -> int:
        folder = tmp_path / str(count)
        folder.mkdir()
        preparation = Pandas(folder=str(shared_data / "pandas"), count=count, resolution=64).prepare()
        tracemalloc.start()
        storage.write(preparation, folder)
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(145)  # imports and caches
    few, many = peak(600), peak(2_600)
    assert many - few < 0.1 * 2_000 * 64 * 64 * 3  # a tenth of the bytes of the images added
