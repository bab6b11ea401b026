"""Facts about the datasets of sample sets and folders."""

from __future__ import annotations

import numpy as np
import pytest
from kedro.io import DatasetError, Version

from gencompare.catalog.folder import FolderDataset
from gencompare.catalog.image_array import ImageArrayDataset
from gencompare.imagesets.arrays import Images


def images(n=4):
    pixels = np.random.default_rng(0).integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)
    return Images(pixels, np.arange(n, dtype=np.int64))


def test_round_trip_with_labels(tmp_path):
    dataset = ImageArrayDataset(filepath=str(tmp_path / "samples.npz"), version=Version(None, None))
    assert not dataset.exists()
    dataset.save(images())
    assert dataset.exists()
    loaded = dataset.load()
    assert np.array_equal(loaded.images, images().images)
    assert np.array_equal(loaded.labels, images().labels)


def test_other_tools_can_read_it_and_the_same_images_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        ImageArrayDataset(filepath=str(tmp_path / f"{name}.npz")).save(Images(images().images))
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays.files == ["images"]
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_pickle_is_refused(tmp_path):
    np.savez(tmp_path / "bad.npz", images=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DatasetError, match="allow_pickle"):
        ImageArrayDataset(filepath=str(tmp_path / "bad.npz")).load()


def test_folder_is_made_on_load_and_never_saved_to(tmp_path):
    dataset = FolderDataset(filepath=str(tmp_path / "deep" / "cache"))
    assert dataset.load().is_dir()
    with pytest.raises(DatasetError, match="nodes write into it"):
        dataset.save("anything")
