"""Pictures in the catalog."""

import base64
import inspect
import io

import numpy as np
import pytest
from kedro.io import DatasetError
from kedro.io.core import Version
from PIL import Image

from gencompare.catalog.image_grid import ImageGridDataset
from gencompare.imagesets.pictures import image_grid

PICTURE = image_grid(np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8), columns=3)


def test_a_picture_comes_back_as_it_was_saved(tmp_path):
    dataset = ImageGridDataset(filepath=str(tmp_path / "a" / "grid.png"))
    assert not dataset.exists()
    dataset.save(PICTURE)
    assert dataset.exists()
    assert (np.asarray(dataset.load()) == np.asarray(PICTURE)).all()


def test_versions_stand_beside_each_other(tmp_path):
    path = tmp_path / "grid.png"
    ImageGridDataset(filepath=str(path), version=Version(None, "2026-01-01T00.00.00.000Z")).save(PICTURE)
    ImageGridDataset(filepath=str(path), version=Version(None, "2026-01-02T00.00.00.000Z")).save(
        PICTURE.rotate(90)
    )
    assert (path / "2026-01-01T00.00.00.000Z" / "grid.png").is_file()
    latest = ImageGridDataset(filepath=str(path), version=Version(None, None)).load()
    assert (np.asarray(latest) == np.asarray(PICTURE.rotate(90))).all()


def test_the_same_picture_is_the_same_file(tmp_path):
    for name in ("a", "b"):
        ImageGridDataset(filepath=str(tmp_path / f"{name}.png")).save(PICTURE)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_the_preview_is_the_file_as_kedro_viz_wants_it(tmp_path):
    dataset = ImageGridDataset(filepath=str(tmp_path / "grid.png"))
    dataset.save(PICTURE)
    shown = Image.open(io.BytesIO(base64.b64decode(dataset.preview())))
    assert (np.asarray(shown) == np.asarray(PICTURE)).all()
    annotation = inspect.signature(dataset.preview).return_annotation
    assert getattr(annotation, "__name__", annotation) == "ImagePreview"


def test_a_missing_file_is_a_dataset_error(tmp_path):
    with pytest.raises(DatasetError):
        ImageGridDataset(filepath=str(tmp_path / "none.png")).load()
