from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from gencompare.config.typed import SettingError
from gencompare.imagesets.augmentation import Augmenter, Strength, check_strength, shrunk


@pytest.fixture
def picture() -> Image.Image:
    coarse = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((90, 60), Image.Resampling.BICUBIC)


def test_a_seed_gives_the_same_image_alone_and_among_others(picture):
    augment = Augmenter("advanced", Strength(), 32)
    photo = shrunk(picture, augment.working_side)
    among = augment.make(photo, [5, 6, 7, 8])
    assert np.array_equal(Augmenter("advanced", Strength(), 32).make(photo, [7])[0], among[2])
    assert len({image.tobytes() for image in among}) == 4
    assert among.shape == (4, 32, 32, 3)
    assert among.dtype == np.uint8


def test_basic_is_the_middle_square_or_its_mirror_image(picture):
    augment = Augmenter("basic", Strength(), 32)
    photo = shrunk(picture, augment.working_side)
    assert photo.shape == (32, 48, 3)
    middle = photo[:, 8:40]
    made = augment.make(photo, range(200))
    mirrored = [np.array_equal(image, middle[:, ::-1]) for image in made]
    assert all(flip or np.array_equal(image, middle) for flip, image in zip(mirrored, made, strict=True))
    assert 70 < sum(mirrored) < 130


def test_advanced_without_strength_is_a_plain_crop(picture):
    still = Strength(flip=0, rotation=0, crop=1, jitter=0, hue=0)
    augment = Augmenter("advanced", still, 32)
    photo = shrunk(picture, augment.working_side)
    windows = [photo[:, start : start + 32] for start in range(17)]
    for image in augment.make(photo, range(20)):
        assert any(np.array_equal(image, window) for window in windows)


def test_the_steps_are_drawn_independently(picture):
    # a flip and the strength of a colour change must not go together
    augment = Augmenter("advanced", Strength(rotation=0, crop=1, hue=0, jitter=0.5), 32)
    square = np.tile(np.linspace(60, 180, 32).astype(np.uint8)[None, :, None], (32, 1, 3))
    made = augment.make(square, range(600)).astype(float)
    flipped = made[:, :, 0].mean((1, 2)) > made[:, :, -1].mean((1, 2))
    brightness = made.mean((1, 2, 3))
    assert abs(np.corrcoef(flipped, brightness)[0, 1]) < 0.15


def test_the_description_builds_the_same_recipe_again(picture):
    import albumentations

    augment = Augmenter("advanced", Strength(rotation=20), 32)
    again = albumentations.from_dict(json.loads(json.dumps(augment.description)))
    assert [type(step) for step in again.transforms] == [type(step) for step in augment._compose.transforms]
    assert again.transforms[0].turn == 20
    assert albumentations.to_dict(again) == augment.description


def test_settings_that_would_be_ignored_are_refused():
    check_strength(["basic"], Strength(flip=0))
    with pytest.raises(
        SettingError, match=r"strength.rotation=30.0: has no effect with image_set.recipe=basic"
    ):
        check_strength(["basic"], Strength(rotation=30))
    with pytest.raises(SettingError, match=r"image_set.recipe='advance': unknown; did you mean advanced"):
        check_strength(["advance"], Strength())
