from __future__ import annotations

from dataclasses import fields

import pytest

from gencompare.config.typed import SettingError
from gencompare.imagesets import IMAGE_SETS, make_image_set
from gencompare.imagesets.squares import Squares


def test_all_sources_are_registered_by_their_names():
    assert set(IMAGE_SETS) == {"squares", "fashion_mnist", "pandas", "cub200", "cifar10", "folder"}
    for name, cls in IMAGE_SETS.items():
        assert cls.name == name
        assert make_image_set({"name": name}).folder_name() == name
        assert make_image_set({"name": name}).resolution == 32
        documented = cls.__doc__ or ""
        assert [field.name for field in fields(cls) if f"    {field.name}:" not in documented] == []


@pytest.mark.parametrize(
    ("values", "folder"),
    [
        ({"name": "squares", "count": 1000, "resolution": 64}, "squares-count1000-resolution64"),
        ({"name": "squares", "side": [0.2, 0.3]}, "squares-side0.2-0.3"),
        ({"name": "fashion_mnist", "folder": "/somewhere"}, "fashion_mnist"),
        ({"name": "cub200", "crop_to_box": True}, "cub200-crop_to_box"),
        ({"name": "cifar10", "classes": ["automobile"]}, "cifar10-classesautomobile"),
        ({"name": "cifar10", "classes": "automobile"}, "cifar10-classesautomobile"),
        ({"name": "pandas", "recipe": "basic", "folder": "x"}, "pandas-recipebasic"),
        ({"name": "pandas", "strength": {"rotation": 30}}, "pandas-rotation30"),
    ],
)
def test_folders_are_named_after_what_differs_from_the_default(values, folder):
    assert make_image_set(values).folder_name() == folder


def test_two_user_folders_of_one_name_are_told_apart():
    one, two = (
        make_image_set({"name": "folder", "path": path}).folder_name() for path in ("/a/cats", "/b/cats")
    )
    assert one != two
    assert one.startswith("folder-cats-")
    odd = make_image_set({"name": "folder", "path": "/a/my cats: ü/", "fit": "pad"}).folder_name()
    assert odd.startswith("folder-my_cats")
    assert odd.endswith("-fitpad")
    assert "/" not in odd
    assert " " not in odd


def test_fingerprints_follow_the_settings_and_nothing_else():
    plain = make_image_set({"name": "squares"}).fingerprint()
    assert make_image_set({"name": "squares", "seed": 0}).fingerprint() == plain
    assert make_image_set({"name": "squares", "seed": 1}).fingerprint() != plain
    assert make_image_set({"name": "squares", "count": 9_999}).fingerprint() != plain


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "sqares"}, "image_set.name='sqares': unknown; did you mean squares?"),
        ({"resolution": 32}, "must be a mapping with the image set's name"),
        ({"name": "squares", "resolution": -3}, "image_set.resolution=-3: "),
        (
            {"name": "squares", "resolutoin": 32},
            "image_set.resolutoin=32: no such setting; did you mean resolution",
        ),
        ({"name": "squares", "count": 0}, "image_set.count=0: "),
        ({"name": "folder", "fit": "squash"}, "image_set.fit='squash': "),
        ({"name": "pandas", "strength": {"crop": 2}}, "image_set.strength.crop=2: "),
    ],
)
def test_bad_settings_are_refused_by_name_in_one_line(values, message):
    with pytest.raises(SettingError) as raised:
        make_image_set(values)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_image_set_that_is_defined_elsewhere_has_a_fingerprint_too():
    class Mine(Squares):
        name = "mine"

    assert Mine().fingerprint() != Squares().fingerprint()
