from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gencompare.config.typed import SettingError
from gencompare.imagesets import storage
from gencompare.imagesets.cub200 import CUB200


@pytest.fixture
def birds(tmp_path: Path) -> Path:
    """A made-up set of three photos, each a red box on grey, in the published layout."""
    home = tmp_path / "CUB_200_2011"
    (home / "images/001.Auk").mkdir(parents=True)
    boxes = [(10, 20, 30, 20), (0, 0, 40, 40), (50, 30, 20, 30)]
    for n, (x, y, width, height) in enumerate(boxes, start=1):
        photo = Image.new("RGB", (80, 60), "grey")
        photo.paste("red", (x, y, x + width, y + height))
        photo.save(home / f"images/001.Auk/{n}.png")
    lists = {
        "images": [f"{n} 001.Auk/{n}.png" for n in (1, 2, 3)],
        "image_class_labels": ["1 1", "2 2", "3 1"],
        "train_test_split": ["1 1", "2 0", "3 1"],
        "bounding_boxes": [f"{n} {x}.0 {y}.0 {w}.0 {h}.0" for n, (x, y, w, h) in enumerate(boxes, start=1)],
        "classes": ["1 001.Auk", "2 002.Wren"],
    }
    for name, lines in lists.items():
        (home / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return home


def test_labels_and_split_are_those_of_the_lists(birds, read_all):
    preparation = CUB200(folder=str(birds), resolution=16).prepare()
    train, heldout = read_all(preparation)
    assert train.factors["source"].tolist() == ["images/001.Auk/1.png", "images/001.Auk/3.png"]
    assert train.labels.tolist() == [0, 0]
    assert heldout.labels.tolist() == [1]
    assert preparation.card["classes"] == ["001.Auk", "002.Wren"]


def test_a_box_crop_is_the_square_around_the_box(birds, read_all):
    train, heldout = read_all(CUB200(folder=str(birds), resolution=30, crop_to_box=True, margin=0).prepare())
    red = (train.images[0] == (255, 0, 0)).all(-1)
    assert red[6:24].all()
    assert not red[:4].any()
    assert not red[26:].any()
    assert (heldout.images[0, 1:-1, 1:-1] == (255, 0, 0)).all()


def test_an_archive_gives_the_same_images_as_its_folder(birds, tmp_path, read_all):
    archive = tmp_path / "CUB_200_2011.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(birds, "CUB_200_2011")
    before = archive.stat().st_mtime_ns
    images = CUB200(folder=str(archive), downloads=str(tmp_path / "raw"), resolution=16)
    images.check()
    assert not (tmp_path / "raw").exists()
    packed, _ = read_all(images.prepare())
    plain, _ = read_all(CUB200(folder=str(birds), resolution=16).prepare())
    assert np.array_equal(packed.images, plain.images)
    assert archive.stat().st_mtime_ns == before
    found = CUB200(downloads=str(tmp_path), resolution=16)
    assert len(read_all(found.prepare())[0]) == 2


def test_missing_photos_are_counted_as_unreadable(birds, tmp_path):
    (birds / "images/001.Auk/3.png").unlink()
    (tmp_path / "prepared").mkdir()
    with pytest.raises(SettingError, match="1 of 3 image files cannot be read"):
        storage.write(CUB200(folder=str(birds)).prepare(), tmp_path / "prepared")
    card = storage.write(CUB200(folder=str(birds), unreadable=0.5).prepare(), tmp_path / "prepared")
    assert list(card["unreadable"]["reasons"]) == ["images/001.Auk/3.png"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("images", None, "no images.txt in it"),
        ("bounding_boxes", None, "bounding_boxes.txt cannot be read"),
        ("bounding_boxes", "1 10 20 30\n", "image 1 .* has no proper label, split or box"),
        ("train_test_split", "1 1\n2 0\n", "image 3 .* has no proper label, split or box"),
        ("image_class_labels", "1 1\n2 9\n3 1\n", "image 2 .* has no proper label, split or box"),
        ("classes", "1\n", "classes.txt cannot be read"),
    ],
)
def test_incomplete_lists_are_refused_in_one_line(birds, name, content, message):
    path = birds / f"{name}.txt"
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(SettingError, match=message) as raised:
        CUB200(folder=str(birds)).check()
    assert "\n" not in str(raised.value)


def test_folders_and_files_that_are_no_birds_are_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("no archive")
    for folder, message in (("nowhere", "no such folder or archive"), ("notes.txt", "neither a folder nor")):
        with pytest.raises(SettingError, match=message):
            CUB200(folder=str(tmp_path / folder)).check()
    with pytest.raises(SettingError, match=r"image_set.folder: name the folder CUB_200_2011"):
        CUB200(downloads=str(tmp_path)).check()


def test_the_first_fifty_species_have_the_published_counts(shared_data, tmp_path):
    images = CUB200(folder=str(shared_data / "CUB_200_2011"), crop_to_box=True)
    card = storage.write(images.prepare(), tmp_path)
    assert card["counts"] == {"train": 1_500, "heldout": 1_389}
    assert len(card["classes"]) == 50
    assert set(card["splits"]["train"]["per_class"].values()) == {30}
    assert card["unreadable"]["count"] == 0
    assert images.prepare().fingerprint == card["fingerprint"]
    shutil.rmtree(tmp_path)
