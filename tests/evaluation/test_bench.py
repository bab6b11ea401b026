"""Facts about which images stand for a photo."""

from __future__ import annotations

import numpy as np

from gencompare.evaluation.bench import first_of_each, sources
from gencompare.imagesets.arrays import Images

PIXELS = np.zeros((5, 2, 2, 3), np.uint8)


def test_the_first_image_of_each_photo_in_their_order():
    photos = np.array(["panda_7", "panda_7", "panda_2", "panda_7", "panda_2"])
    assert first_of_each(sources(Images(PIXELS, factors={"source": photos}))).tolist() == [0, 2]


def test_images_of_which_nothing_is_known_are_photos_of_their_own():
    assert first_of_each(sources(Images(PIXELS))).tolist() == [0, 1, 2, 3, 4]
