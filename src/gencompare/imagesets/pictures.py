"""Pictures made of images: grids and film strips. A pixel of an image is a square of whole pixels."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

GAP = 1  # pixels left clear between images, before enlargement
POINT_IMAGES = 16  # of each point of a curve, the images that are kept and shown


def image_grid(images: np.ndarray, columns: int = 8, scale: int = 2) -> Image.Image:
    """Lay images out row by row, each pixel enlarged to scale x scale.

    Args:
        images: uint8 (N, H, W, C), N at least 1, C 1 or 3.
        columns: images a row; fewer where there are fewer images.
        scale: whole-number enlargement, so that pixels stay pixels.

    Returns:
        An RGBA picture, transparent between the images and where the last row ends early.

    Raises:
        ValueError: for another dtype or shape, or no images.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3) or not len(images):
        raise ValueError(
            f"a picture needs uint8 (N, H, W, C) with N > 0 and C 1 or 3, not {images.dtype} {images.shape}"
        )
    n, height, width, _ = images.shape
    columns = min(columns, n)
    rows = math.ceil(n / columns)
    sheet = np.zeros((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 4), np.uint8)
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        top, left = row * (height + GAP), column * (width + GAP)
        sheet[top : top + height, left : left + width, :3] = image
        sheet[top : top + height, left : left + width, 3] = 255
    return Image.fromarray(sheet.repeat(scale, axis=0).repeat(scale, axis=1))


def single(image: np.ndarray) -> Image.Image:
    """Make a picture of one image, uint8 (H, W, C), as it is: grey or RGB."""
    return Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)


def strips(images: np.ndarray) -> Image.Image:
    """Lay film strips out, one a row, enlarged twice; the frames of a strip touch.

    Args:
        images: uint8 (rows, frames, H, W, C).

    Raises:
        ValueError: for another dtype or shape, or no images.
    """
    if images.ndim != 5:
        raise ValueError(f"strips need uint8 (rows, frames, H, W, C), not {images.dtype} {images.shape}")
    rows, frames, height, width, channels = images.shape
    films = images.transpose(0, 2, 1, 3, 4).reshape(rows, height, frames * width, channels)
    return image_grid(films, columns=1)
