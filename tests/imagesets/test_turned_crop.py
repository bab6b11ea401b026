from __future__ import annotations

import random

import albumentations
import cv2
import numpy as np
import pytest

from gencompare.imagesets.turned_crop import TurnedCrop


@pytest.fixture
def photo() -> np.ndarray:
    coarse = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return cv2.resize(coarse, (90, 60), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize(
    ("angle", "top", "left"), [(14.0, 0, 0), (-9.5, 3, 25), (170.0, 10, 40), (0.0, 5, 6)]
)
def test_it_is_the_same_as_turning_the_whole_photo_and_then_cropping(photo, angle, top, left):
    whole = albumentations.Affine(rotate=(angle, angle), border_mode=cv2.BORDER_REFLECT_101, p=1.0)
    slow = whole(image=photo)["image"][top : top + 50, left : left + 50].astype(int)
    fast = TurnedCrop(50, 50, 15.0).apply(photo, angle, top, left, 50)
    assert np.abs(fast - slow).max() <= 2  # OpenCV rounds places to 1/32 pixel


def test_a_larger_square_is_shrunk_by_averaging(photo):
    square = TurnedCrop(25, 25, 0.0).apply(photo, 0.0, 10, 20, 50)
    means = photo[10:60, 20:70].reshape(25, 2, 25, 2, 3).mean((1, 3))
    assert np.abs(square - means).max() <= 0.5


def test_half_of_the_photos_are_turned_and_every_square_fits(photo):
    step = TurnedCrop(40, 40, 15.0)
    step.set_random_state(np.random.default_rng(0), random.Random(0))
    drawn = [step.get_params_dependent_on_data({"shape": photo.shape}, {}) for _ in range(2_000)]
    angles = np.array([one["angle"] for one in drawn])
    assert 0.45 < np.mean(angles != 0) < 0.55
    assert -15 <= angles.min() < -14.5
    assert 14.5 < angles.max() <= 15
    assert {one["side"] for one in drawn} == set(range(40, 61))
    assert min(one["top"] for one in drawn) == min(one["left"] for one in drawn) == 0
    assert max(one["top"] + one["side"] for one in drawn) == 60
    assert max(one["left"] + one["side"] for one in drawn) == 90
