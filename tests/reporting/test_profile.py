"""What is said of an image set that is not as good as it looks, in lines and as a page."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gencompare.imagesets import storage
from gencompare.imagesets.folder import Folder
from gencompare.reporting import profile
from gencompare.reporting.profile import alerts, render_profile


def test_an_ordinary_set_raises_no_alert():
    assert alerts({"counts": {"train": 10_000, "heldout": 2000}}) == []


def test_few_copied_unreadable_and_changed_images_are_said():
    card = {
        "counts": {"train": 25_000, "heldout": 1000},
        "files": 150,
        "unreadable": {"count": 3},
        "duplicates": {"count": 15},
        "converted": {
            "enlarged": 12,
            "16-bit": 2,
            "grey among colour": 9,
            "cropped by more than a third": 30,
        },
    }
    made, few, unreadable, copied, grey, enlarged, cropped, changed = alerts(card)
    assert made.startswith("25\u202f000 training images were made of 150 files")
    assert few.startswith("Only 150 different images")
    assert unreadable == "3 of 150 files (2%) could not be read."
    assert copied == "15 of 150 files (10%) were copies of others and were left out."
    assert grey == "9 of 132 images (6.8%) are grey, which alone tells them from the others."
    assert enlarged.startswith("12 of 132 images (9.1%) are smaller than they are asked for")
    assert cropped == "30 of 132 images (23%) lost more than a third to cropping."
    assert changed == "Changed while reading: 16-bit 2 images."


def test_of_few_images_in_a_folder_of_ones_own_it_is_said_who_is_made_for_them():
    (few,) = alerts({"name": "folder", "counts": {"train": 116, "heldout": 28}, "files": 144})
    assert few.endswith("a GAN may not learn at all; dcgan_augmented is made for so few.")
    (others,) = alerts({"name": "squares", "counts": {"train": 116, "heldout": 28}})
    assert others == "Only 116 different images: a model can learn them by heart."


def test_a_class_that_one_split_lacks_is_named():
    card = {
        "counts": {"train": 10_000, "heldout": 2000},
        "splits": {
            "train": {"per_class": {"cat": 6000, "dog": 4000, "fox": 0}},
            "heldout": {"per_class": {"cat": 2000, "dog": 0, "fox": 0}},
        },
    }
    assert alerts(card) == ["No image to train on of fox.", "No image held out of dog and fox."]


def test_rare_classes_are_counted_and_the_rarest_named():
    card = {"counts": {"train": 10_000, "heldout": 2000}}
    images = {"cat": 6000, "dog": 49, "fox": 12, "cow": 50}
    (said,) = alerts(card | {"splits": {"train": {"per_class": images}}})
    assert said.startswith("2 of 4 classes have fewer than 50 training images, fox 12: contenders with")


def test_all_grey_is_no_mixture():
    card = {"name": "folder", "counts": {"train": 4000, "heldout": 1000}, "files": 5000}
    grey, crop = alerts(card | {"converted": {"grey among colour": 5000, "cropped by more than a third": 50}})
    assert grey == "All images are grey: image_sets.folder.grey=true suits them."
    assert crop.endswith(
        "(1%) lost more than a third to cropping; image_sets.folder.fit=pad keeps all of them."
    )


def test_held_out_images_among_the_training_ones_are_said():
    card = {"counts": {"train": 5000, "heldout": 1000}, "heldout_in_train": 0}
    assert alerts(card) == []
    said = "50 of 1\u202f000 held-out images (5%) are, pixel by pixel, among the training images"
    assert alerts(card | {"heldout_in_train": 50}) == [f"{said}."]
    (own,) = alerts(card | {"heldout_in_train": 50, "name": "folder"})
    assert own == f"{said}: put all copies into one part."


def test_a_photo_saved_twice_in_two_formats_is_found(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(20):
        for split in ("train", "test"):
            (tmp_path / "photos" / split).mkdir(parents=True, exist_ok=True)
            fresh = Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8))
            fresh.save(tmp_path / "photos" / split / f"{number}.png")
    Image.open(tmp_path / "photos/train/0.png").save(tmp_path / "photos/test/same.bmp")
    (tmp_path / "made").mkdir()
    images = Folder(path=str(tmp_path / "photos"), resolution=16)
    card = storage.write(images.prepare(), tmp_path / "made")
    assert any(line.startswith("1 of 21 held-out images (4.8%) are, pixel") for line in alerts(card))


def test_16_bit_files_of_12_bits_are_told_by_their_darkness(make_dark):
    for white, alerted in ((65535, True), (4095, False)):
        card = make_dark(white)
        assert card["splits"]["heldout"]["greatest"] in (range(128) if alerted else range(128, 256))
        said = [line for line in alerts(card) if "brighter" in line]
        assert len(said) == alerted
        assert all("2 images are of 16 bits" in line and "folder.white=4095" in line for line in said)


@pytest.fixture
def make_dark(tmp_path):
    """Prepare two 12-bit images in 16-bit files with this white; return the card."""

    def make(white: int) -> dict:
        for number in range(2):
            values = np.linspace(number, 4095, 1024).astype(np.uint16).reshape(32, 32)
            Image.fromarray(values).save(tmp_path / f"{number}.png")
        made = tmp_path / f"made{white}"
        made.mkdir()
        images = Folder(path=str(tmp_path), grey=True, resolution=16, white=white)
        return storage.write(images.prepare(), made)

    return make


@pytest.fixture(scope="module")
def page_of_a_folder(tmp_path_factory):
    """The page about a folder with two classes, a copy, a file that is no image, and a name that is markup."""
    folder, prepared = tmp_path_factory.mktemp("photos"), tmp_path_factory.mktemp("prepared")
    rng = np.random.default_rng(0)
    for number in range(80):
        kind = folder / ("cats" if number % 2 else "dogs & others")
        kind.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (40, 30, 3), dtype=np.uint8)).save(kind / f"{number}.png")
    (folder / "cats/copy.png").write_bytes((folder / "cats/1.png").read_bytes())
    (folder / "cats/<b>bold.png").write_text("no image")
    (folder / "cats/away.png").symlink_to("nowhere")
    storage.write(Folder(path=str(folder), resolution=16, unreadable=0.1).prepare(), prepared)
    page = tmp_path_factory.mktemp("page") / "profile.html"
    page.write_text(render_profile(storage.read(prepared)), encoding="utf-8")
    return page


@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_shows_both_splits_and_names_what_was_left_out(page_of_a_folder, browser, width):
    page = browser.new_page(viewport={"width": width, "height": 800})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on(
        "request", lambda request: complaints.append(request.url) if "profile" not in request.url else None
    )
    page.goto(page_of_a_folder.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    text = page.locator("main").inner_text()
    for said in (
        "1 of 82 files",
        "<b>bold.png",
        "the same as cats/1.png",
        "cats/away.png",
        "a link to no file",
        "dogs & others",
    ):
        assert said in text, said
    assert page.locator("main img").count() == 2
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [one for one in complaints if not one.startswith("data:")] == []
    page.close()


TEMPLATES = {path.name: path.read_text("utf-8") for path in Path(profile.__file__).parent.glob("*.html")}
POLICY = """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; """


def test_every_page_lets_in_nothing_that_it_does_not_bring(page_of_a_folder):
    assert TEMPLATES.keys() >= {"report.html", "history.html", "profile.html"}
    for name, template in TEMPLATES.items():
        assert template.startswith('{% extends "page.html" %}') or name == "page.html", name
    head = page_of_a_folder.read_text().partition("</head>")[0]
    assert POLICY in head
    assert not re.search(
        "<(style|script|link)", head.partition(POLICY)[0]
    )  # or it would come too late for them


def test_the_page_is_one_small_file(page_of_a_folder):
    text = page_of_a_folder.read_text()
    assert len(text) < 500_000
    assert "http" not in text.replace("http-equiv", "")
