from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gencompare.config.typed import SettingError
from gencompare.imagesets.cifar10 import BATCHES, CIFAR10


class Published:
    """What torchvision gives: images and targets, here each image filled with its own number."""

    def __init__(self, root, train=True, download=False):
        count = 50 if train else 20
        self.data = (
            np.arange(count, dtype=np.uint8)[:, None, None, None].repeat(32, 1).repeat(32, 2).repeat(3, 3)
        )
        self.targets = [n % 10 for n in range(count)]


@pytest.fixture
def published(monkeypatch):
    import torchvision

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", Published)


def test_all_ten_classes_keep_their_labels(published, read_all):
    preparation = CIFAR10().prepare()
    train, heldout = read_all(preparation)
    assert train.labels.tolist() == [n % 10 for n in range(50)]
    assert np.array_equal(train.images[:, 0, 0, 0], np.arange(50))
    assert len(heldout) == 20
    assert preparation.card["classes"][1] == "automobile"


def test_cars_alone_have_no_labels(published, read_all):
    preparation = CIFAR10(classes=("automobile",)).prepare()
    train, heldout = read_all(preparation)
    assert train.labels is None
    assert train.images[:, 0, 0, 0].tolist() == [1, 11, 21, 31, 41]
    assert heldout.images[:, 0, 0, 0].tolist() == [1, 11]
    assert preparation.card["classes"] == []


def test_labels_of_some_classes_count_from_zero(published, read_all):
    preparation = CIFAR10(classes=("horse", "automobile"), resolution=16).prepare()
    train, _ = read_all(preparation)
    assert preparation.card["classes"] == ["automobile", "horse"]
    assert train.labels.tolist() == [0, 1] * 5
    assert train.images.shape == (10, 16, 16, 3)
    assert train.images[:, 0, 0, 0].tolist() == [1, 7, 11, 17, 21, 27, 31, 37, 41, 47]


def test_unknown_classes_and_useless_folders_are_refused(tmp_path, make_folder):
    with pytest.raises(
        SettingError, match=r"image_set.classes='automobil': unknown; did you mean automobile"
    ):
        CIFAR10(classes=("automobil",)).check()
    with pytest.raises(SettingError, match="no such folder"):
        CIFAR10(folder=str(tmp_path / "nowhere")).check()
    with pytest.raises(SettingError, match="no images in it"):
        CIFAR10(folder=str(tmp_path)).check()
    with pytest.raises(SettingError, match="train/<class>/ and test/<class>/"):
        CIFAR10(folder=str(make_folder("automobile/1.png", "horse/2.png"))).check()


def test_damaged_batches_are_not_unpickled(tmp_path, read_all):
    (tmp_path / BATCHES).mkdir()
    (tmp_path / BATCHES / "data_batch_1").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(SettingError, match="missing or not the published one") as raised:
        read_all(CIFAR10(folder=str(tmp_path)).prepare())
    assert "\n" not in str(raised.value)


def test_the_real_cars_are_all_there_and_unchanged(shared_data, read_all):
    folder = shared_data / "cifar10_jpeg"
    train, heldout = read_all(CIFAR10(folder=str(folder), classes=("automobile",)).prepare())
    assert (len(train), len(heldout)) == (5_000, 1_000)
    for images in (train, heldout):
        assert all("/automobile/" in name for name in images.factors["source"])
        stored = Image.open(folder / images.factors["source"][123])
        assert np.array_equal(images.images[123], np.asarray(stored))
