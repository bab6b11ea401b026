"""A folder of single images holds one run's."""

import numpy as np
from PIL import Image

from gencompare.catalog.single_images import SingleImagesDataset


def test_new_images_take_the_place_of_the_old_ones_and_none_leave_them(tmp_path):
    images = SingleImagesDataset(path=str(tmp_path / "pngs"))
    grey = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
    images.save({"a": grey, "b": grey})
    images.save({})
    assert sorted(path.name for path in (tmp_path / "pngs").iterdir()) == ["a.png", "b.png"]
    images.save({"c": grey})
    (kept,) = (tmp_path / "pngs").iterdir()
    assert kept.name == "c.png"
    assert Image.open(kept).mode == "L"
    assert np.array_equal(np.asarray(images.load()["c"]()), np.asarray(grey))
