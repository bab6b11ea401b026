"""Grids and strips hold every pixel of every image at its place."""

import numpy as np
import pytest

from gencompare.imagesets.pictures import image_grid, strips

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)


def test_every_image_is_in_the_grid_at_its_place():
    grid = np.asarray(image_grid(IMAGES, columns=3))
    assert grid.shape == (2 * (4 + 1 + 4), 2 * (6 + 1 + 6 + 1 + 6), 4)
    last = grid[2 * 5 :, 2 * 7 : 2 * 13]
    assert (last[::2, ::2, :3] == IMAGES[4]).all() and (last[1::2, 1::2, :3] == IMAGES[4]).all()
    assert (last[..., 3] == 255).all()


def test_what_is_no_image_is_clear():
    grid = np.asarray(image_grid(IMAGES, columns=3, scale=1))
    assert (grid[:, 6, 3] == 0).all() and (grid[5:, 14:, 3] == 0).all()


def test_grey_images_are_grey():
    grey = IMAGES[..., :1]
    grid = np.asarray(image_grid(grey[:1], scale=1))
    assert (grid[..., 0] == grey[0, ..., 0]).all() and (grid[..., 0] == grid[..., 2]).all()


def test_frames_of_a_strip_touch_in_order():
    film = RNG.integers(0, 256, (2, 3, 4, 4, 1), dtype=np.uint8)
    sheet = np.asarray(strips(film))[::2, ::2]
    assert sheet.shape == (4 + 1 + 4, 12, 4)
    assert (sheet[5:, 4:8, 0] == film[1, 1, ..., 0]).all()


@pytest.mark.parametrize("bad", [IMAGES.astype(float), IMAGES[..., :2], IMAGES[:0], IMAGES[0]])
def test_what_is_not_images_is_refused(bad):
    with pytest.raises(ValueError, match="uint8"):
        image_grid(bad)


def test_strips_refuses_a_grid():
    with pytest.raises(ValueError, match="rows, frames"):
        strips(IMAGES)
