from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest

from gencompare.config.typed import SettingError
from gencompare.imagesets import storage
from gencompare.imagesets.fashion_mnist import CLASSES, FILES, FashionMNIST


@pytest.fixture
def made_up_folder(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(bytes(16 + 784)))
    return tmp_path


def test_the_published_images_are_all_there(fashion_mnist_folder, tmp_path):
    card = storage.write(FashionMNIST(folder=str(fashion_mnist_folder)).prepare(), tmp_path)
    prepared = storage.read(tmp_path)
    assert card["counts"] == {"train": 60_000, "heldout": 10_000}
    assert card["splits"]["train"]["per_class"] == dict.fromkeys(CLASSES, 6_000)
    assert card["splits"]["heldout"]["per_class"] == dict.fromkeys(CLASSES, 1_000)
    assert prepared.train.labels[:10].tolist() == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]
    assert prepared.heldout.labels[:10].tolist() == [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]
    # the mean and deviation that everybody normalises with, of the 28x28 images
    inner = prepared.train.images[:, 2:30, 2:30]
    assert inner.mean() / 255 == pytest.approx(0.2860, abs=5e-5)
    assert inner.std() / 255 == pytest.approx(0.3530, abs=5e-5)
    border = np.ones((32, 32), bool)
    border[2:30, 2:30] = False
    assert not prepared.train.images[:, border].any()
    assert card["sha256"]["train"] == "57a2b6bf4b8765263f60b3ec4eba35d846bfc658105661ce0e4bb3d5c7d190e5"


def test_resolutions_and_counts_are_what_was_asked_for(fashion_mnist_folder, read_all):
    folder = str(fashion_mnist_folder)
    whole, _ = read_all(FashionMNIST(folder=folder, count=20, heldout=10).prepare())
    published, _ = read_all(FashionMNIST(folder=folder, count=20, heldout=10, resolution=28).prepare())
    small, heldout = read_all(FashionMNIST(folder=folder, count=20, heldout=10, resolution=16).prepare())
    assert np.array_equal(whole.images[:, 2:30, 2:30], published.images)
    assert small.images.shape == (20, 16, 16, 1)
    assert len(heldout) == 10
    averaged = whole.images.reshape(20, 16, 2, 16, 2).mean((2, 4))
    assert np.abs(averaged - small.images[..., 0]).mean() < 8


def test_where_the_files_lie_does_not_change_the_fingerprint(fashion_mnist_folder, tmp_path):
    assert FashionMNIST(folder=str(fashion_mnist_folder)).fingerprint() == FashionMNIST().fingerprint()


def test_unpacked_files_are_read_as_well(fashion_mnist_folder, tmp_path, read_all):
    for name in FILES:
        (tmp_path / name).write_bytes(gzip.decompress((fashion_mnist_folder / f"{name}.gz").read_bytes()))
    train, _ = read_all(FashionMNIST(folder=str(tmp_path), count=5, heldout=5).prepare())
    assert train.labels.tolist() == [9, 0, 0, 3, 0]


def test_other_contents_under_the_same_names_are_refused(made_up_folder):
    with pytest.raises(SettingError, match="not the published file"):
        list(FashionMNIST(folder=str(made_up_folder)).prepare().train())
    (made_up_folder / "train-images-idx3-ubyte.gz").write_bytes(b"no gzip")
    with pytest.raises(SettingError, match="cannot be unpacked"):
        list(FashionMNIST(folder=str(made_up_folder)).prepare().train())


def test_missing_files_and_folders_are_refused_before_anything_is_read(made_up_folder):
    (made_up_folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(SettingError, match=r"t10k-labels-idx1-ubyte.gz is not there"):
        FashionMNIST(folder=str(made_up_folder)).check()
    with pytest.raises(SettingError, match="no such folder"):
        FashionMNIST(folder=str(made_up_folder / "nowhere")).check()


def test_without_files_and_network_the_next_step_is_named(monkeypatch, tmp_path):
    torchvision = pytest.importorskip("torchvision")

    def no_network(*args, **kwargs):
        raise RuntimeError("Error downloading\nno network")

    monkeypatch.setattr("gencompare.imagesets.fashion_mnist.DEBIAN", tmp_path / "nowhere")
    monkeypatch.setattr(torchvision.datasets, "FashionMNIST", no_network)
    with pytest.raises(
        SettingError, match=r"apt-get install dataset-fashion-mnist.*image_set.folder"
    ) as raised:
        FashionMNIST(downloads=str(tmp_path)).prepare()
    assert "\n" not in str(raised.value)


def test_what_torchvision_downloaded_is_found(monkeypatch, tmp_path, fashion_mnist_folder, read_all):
    raw = tmp_path / "FashionMNIST" / "raw"
    shutil.copytree(fashion_mnist_folder, raw)
    monkeypatch.setattr("gencompare.imagesets.fashion_mnist.DEBIAN", tmp_path / "nowhere")
    train, _ = read_all(FashionMNIST(downloads=str(tmp_path), count=5, heldout=5).prepare())
    assert train.labels.tolist() == [9, 0, 0, 3, 0]
