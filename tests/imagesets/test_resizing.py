from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gencompare.imagesets.resizing import averaged_down, square_around, to_square


def stripes(width: int, height: int) -> Image.Image:
    """Columns numbered by their grey level."""
    return Image.fromarray(np.tile(np.arange(width, dtype=np.uint8), (height, 1)))


def test_an_image_of_the_right_size_stays_as_it_is():
    image = stripes(32, 32)
    for fit in ("crop", "pad", "stretch"):
        assert np.array_equal(to_square(image, 32, fit)[:, :, 0], np.asarray(image))


def test_crop_keeps_the_middle_and_pad_keeps_all():
    wide = stripes(64, 32)
    assert np.array_equal(to_square(wide, 32, "crop")[0, :, 0], np.arange(16, 48))
    padded = to_square(wide, 64, "pad")[:, :, 0]
    assert np.array_equal(padded[16], np.arange(64))
    assert padded[:16].max() == padded[48:].max() == 0


def test_shrinking_averages_instead_of_picking():
    checks = Image.fromarray((np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8))
    assert np.abs(to_square(checks, 16).astype(int) - 127).max() <= 2


def test_colours_keep_their_channels():
    assert to_square(Image.new("RGB", (50, 20), (1, 2, 3)), 8).tolist() == [[[1, 2, 3]] * 8] * 8


@pytest.mark.parametrize(
    ("box", "margin", "square"),
    [
        ((10, 10, 30, 20), 0.0, (10, 5, 30, 25)),
        ((10, 10, 30, 20), 0.5, (5, 0, 35, 30)),
        ((0, 0, 20, 4), 0.0, (0, 0, 20, 20)),
        ((90, 40, 100, 50), 0.0, (90, 40, 100, 50)),
        ((0, 0, 100, 50), 0.0, (25, 0, 75, 50)),
    ],
)
def test_the_square_around_a_box_stays_inside_the_image(box, margin, square):
    assert square_around(box, (100, 50), margin) == square


@pytest.mark.parametrize(
    ("size", "most", "block"), [(32, 32, 1), (64, 32, 2), (48, 32, 2), (50, 32, 2), (37, 32, 37)]
)
def test_images_are_averaged_down_by_the_smallest_block_that_divides_their_side(size, most, block):
    images = np.random.default_rng(0).integers(0, 256, (2, size, size, 3), np.uint8)
    made = averaged_down(images, most)
    assert made.shape == (2, size // block, size // block, 3) and made.dtype == np.float32
    assert np.allclose(made[1, 0, 0], images[1, :block, :block].mean(axis=(0, 1)) / 255, atol=1e-6)
