from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from gencompare.config.typed import SettingError
from gencompare.imagesets.folder import Folder


def test_subfolders_give_the_labels_and_a_share_of_each_is_held_out(make_folder, read_all):
    folder = make_folder(*(f"{kind}/{n}.png" for kind in ("cat", "dog") for n in range(10)))
    preparation = Folder(path=str(folder), resolution=16, heldout=0.3).prepare()
    train, heldout = read_all(preparation)
    assert preparation.card["classes"] == ["cat", "dog"]
    assert np.bincount(train.labels).tolist() == [7, 7]
    assert np.bincount(heldout.labels).tolist() == [3, 3]
    assert train.images.shape == (14, 16, 16, 3)
    sources = [*train.factors["source"], *heldout.factors["source"]]
    assert len(set(sources)) == 20
    assert all(
        ("cat", "dog")[label] == source.split("/")[0]
        for label, source in zip(train.labels, train.factors["source"], strict=True)
    )


@pytest.mark.parametrize("share", [0, 1])
def test_neither_part_of_a_split_may_be_empty(share):
    with pytest.raises(ValueError, match="heldout"):
        Folder(path="anywhere", heldout=share)


def test_the_split_follows_the_content_not_the_names(make_folder, read_all, tmp_path):
    folder = make_folder(*(f"{n}.png" for n in range(12)))
    _, before = read_all(Folder(path=str(folder), resolution=16).prepare())
    renamed = tmp_path / "renamed"
    renamed.mkdir()
    for n, path in enumerate(sorted(folder.iterdir())):
        shutil.copy(path, renamed / f"other{11 - n}.png")
    _, after = read_all(Folder(path=str(renamed), resolution=16).prepare())
    assert {image.tobytes() for image in before.images} == {image.tobytes() for image in after.images}


def test_a_folders_own_split_is_kept_and_copies_never_stand_in_both(make_folder, read_all):
    folder = make_folder("train/a/1.png", "train/b/2.png", "train/b/3.png", "test/a/4.png", "test/b/5.png")
    shutil.copy(folder / "test/a/4.png", folder / "train/a/copy.png")
    preparation = Folder(path=str(folder), resolution=16).prepare()
    train, heldout = read_all(preparation)
    assert train.factors["source"].tolist() == ["train/a/1.png", "train/b/2.png", "train/b/3.png"]
    assert heldout.factors["source"].tolist() == ["test/a/4.png", "test/b/5.png"]
    assert preparation.found()["duplicates"]["same_as"] == {"train/a/copy.png": "test/a/4.png"}


def test_folders_that_all_files_lie_in_are_looked_through(make_folder, read_all):
    folder = make_folder(
        "set/Training/a/1.png", "set/Training/b/2.png", "set/Testing/a/3.png", "set/Testing/b/4.png"
    )
    preparation = Folder(path=str(folder), resolution=16).prepare()
    _, heldout = read_all(preparation)
    assert preparation.card["classes"] == ["a", "b"]
    assert heldout.factors["source"].tolist() == ["set/Testing/a/3.png", "set/Testing/b/4.png"]
    lone = make_folder("lone/train/cat/1.png", "lone/train/dog/2.png")
    assert Folder(path=str(lone / "lone")).prepare().card["classes"] == ["cat", "dog"]


def test_images_of_other_formats_are_named(make_folder, read_all, caplog):
    folder = make_folder("1.png", "2.png")
    for number in range(30):
        (folder / f"{number}.HEIC").write_bytes(b"....ftypheic")
    preparation = Folder(path=str(folder), resolution=16).prepare()
    read_all(preparation)
    assert len(preparation.found()["left_out"]) == 30
    assert "Left out 0.HEIC: images of this format are not read" in caplog.text
    assert "Left out 10 more such files" in caplog.text
    for path in folder.glob("*.png"):
        path.unlink()
    with pytest.raises(
        SettingError, match=r"no images in it, nor in its sub-folders; left out: 0.HEIC \(images of"
    ):
        Folder(path=str(folder)).check()


def test_classes_may_be_called_train(make_folder):
    folder = make_folder("train/1.png", "bus/2.png", "train/3.png", "bus/4.png")
    assert Folder(path=str(folder)).prepare().card["classes"] == ["bus", "train"]


def test_no_labels_without_two_subfolders_or_where_they_are_not_wanted(make_folder, read_all):
    one = make_folder("cat/1.png", "cat/2.png")
    assert read_all(Folder(path=str(one)).prepare())[0].labels is None
    two = make_folder("cat/1.png", "dog/2.png", "cat/3.png")
    assert read_all(Folder(path=str(two), labels=False).prepare())[0].labels is None


def test_grey_gives_one_channel(make_folder, read_all):
    train, _ = read_all(Folder(path=str(make_folder("1.png", "2.png")), grey=True, resolution=16).prepare())
    assert train.images.shape == (1, 16, 16, 1)


def test_hidden_files_and_texts_are_left_alone_and_images_without_a_suffix_found(make_folder, read_all):
    folder = make_folder("1.png", "2.png", "3.png", ".hidden.png", "__MACOSX/4.png", ".cache/5.png")
    (folder / "3.png").rename(folder / "third")
    (folder / "README.txt").write_text("Pictures.")
    (folder / "SHA256SUMS").write_text("0" * 64)
    train, heldout = read_all(Folder(path=str(folder)).prepare())
    assert sorted([*train.factors["source"], *heldout.factors["source"]]) == ["1.png", "2.png", "third"]


def test_nothing_in_the_folder_is_written_to(make_folder, read_all):
    folder = make_folder("a/1.png", "b/2.png", "a/3.png", "b/4.png")
    for path in [*folder.rglob("*"), folder]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = {path: path.stat().st_mtime_ns for path in [*folder.rglob("*"), folder]}
    read_all(Folder(path=str(folder)).prepare())
    assert {path: path.stat().st_mtime_ns for path in [*folder.rglob("*"), folder]} == before
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755)


def test_the_fingerprint_notices_what_happens_to_the_files(make_folder):
    folder = make_folder("1.png", "2.png", "3.png")
    images = Folder(path=str(folder))
    seen = [images.fingerprint()]
    assert images.fingerprint() == seen[0]
    os.utime(folder / "1.png", ns=(1, 1))
    seen.append(images.fingerprint())
    (folder / "2.png").rename(folder / "4.png")
    seen.append(images.fingerprint())
    (folder / "3.png").unlink()
    seen.append(images.fingerprint())
    assert len(set(seen)) == 4


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "no images in it"),
        (["1.png"], "only one image"),
        (["1.png", "cat/2.png", "dog/3.png"], "1.png lies beside the class folders cat, dog"),
        (
            ["train/1.png", "Test/2.png", "Extra/3.png"],
            "split of its own, in test and train, and beside it Extra/:",
        ),
        (["set/train/a/1.png", "set/test/a/2.png", "set/3.png"], "and beside it set/3.png: move each"),
    ],
)
def test_folders_that_cannot_be_used_are_refused_in_one_line(make_folder, names, message):
    folder = make_folder(*names)
    folder.mkdir(exist_ok=True)
    with pytest.raises(SettingError, match=message) as raised:
        Folder(path=str(folder)).check()
    assert "\n" not in str(raised.value)


def test_a_share_to_hold_out_is_refused_where_the_folder_says_what_is(make_folder):
    folder = make_folder("train/1.png", "train/2.png", "test/3.png")
    Folder(path=str(folder), heldout=0.2).check()
    with pytest.raises(SettingError, match=r"^image_set.heldout=0.3: .* split of its own; leave it out$"):
        Folder(path=str(folder), heldout=0.3).check()


def test_a_missing_folder_and_one_of_text_are_refused(tmp_path):
    with pytest.raises(SettingError, match=r"image_set.path: must be given"):
        Folder().check()
    with pytest.raises(SettingError, match="no such folder"):
        Folder(path=str(tmp_path / "nowhere")).check()
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_text("no image")
    with pytest.raises(SettingError, match="none of 2 files tried is a readable image: a.jpg"):
        Folder(path=str(tmp_path)).check()


def test_cifar_photos_keep_their_split_and_classes(shared_data, read_all):
    preparation = Folder(path=str(shared_data / "cifar10_jpeg")).prepare()
    _, heldout = read_all(preparation)
    assert preparation.card["classes"] == ["automobile", "horse"]
    assert np.bincount(heldout.labels).tolist() == [1000, 1000]
    first = Image.open(shared_data / "cifar10_jpeg" / heldout.factors["source"][0])
    assert np.array_equal(heldout.images[0], np.asarray(first))
