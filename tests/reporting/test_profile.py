"""What is said of an image set that is not as good as it looks."""

from gencompare.reporting.profile import alerts


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


def test_all_grey_is_no_mixture():
    card = {"name": "folder", "counts": {"train": 4000, "heldout": 1000}, "files": 5000}
    grey, crop = alerts(card | {"converted": {"grey among colour": 5000, "cropped by more than a third": 50}})
    assert grey == "All images are grey: image_sets.folder.grey=true suits them."
    assert crop.endswith(
        "(1%) lost more than a third to cropping; image_sets.folder.fit=pad keeps all of them."
    )
