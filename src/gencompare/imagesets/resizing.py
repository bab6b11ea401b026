"""Bring images of any shape to small squares."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image

Fit = Literal["crop", "pad", "stretch"]
Box = tuple[float, float, float, float]


def to_square(image: Image.Image, resolution: int, fit: Fit = "crop", box: Box | None = None) -> np.ndarray:
    """Resize with antialiased bicubic to uint8 (resolution, resolution, C), C as the image's mode says.

    Args:
        image: of mode L or RGB.
        resolution: side of the result in pixels.
        fit: what becomes of an image that is not square: `crop` keeps the middle square, `pad` keeps all
            of it between black bars, `stretch` distorts it.
        box: the part of the image to use (left, upper, right, lower) in pixels; all of it by default.
    """
    left, upper, right, lower = box or (0, 0, image.width, image.height)
    width, height = right - left, lower - upper
    if fit == "crop":
        side = min(width, height)
        left, upper = left + (width - side) / 2, upper + (height - side) / 2
        box = (left, upper, left + side, upper + side)
    else:
        box = (left, upper, right, lower)
    size = (resolution, resolution)
    if fit == "pad":
        longest = max(width, height)
        size = (max(1, round(resolution * width / longest)), max(1, round(resolution * height / longest)))
    pixels = np.asarray(image.resize(size, Image.Resampling.BICUBIC, box=box))
    pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    if size == (resolution, resolution):
        return pixels
    square = np.zeros((resolution, resolution, pixels.shape[2]), np.uint8)
    top, start = (resolution - size[1]) // 2, (resolution - size[0]) // 2
    square[top : top + size[1], start : start + size[0]] = pixels
    return square


def averaged_down(images: np.ndarray, most: int) -> np.ndarray:
    """Average over blocks of pixels, uint8 (N, H, H, C) to float32 in [0, 1], until a side has at most so many.

    A block's side is the smallest that divides theirs.
    """
    n, size, _, channels = images.shape
    block = next(block for block in range(1, size + 1) if size % block == 0 and size // block <= most)
    blocks = images.reshape(n, size // block, block, size // block, block, channels)
    averages: np.ndarray = blocks.mean(axis=(2, 4), dtype=np.float32) / np.float32(255)
    return averages


def square_around(box: Box, size: tuple[int, int], margin: float = 0.0) -> Box:
    """The square around a box, within an image of this size (width, height).

    Its side is the box's longer one plus the margin (a share of it), at most the image's shorter one. It is
    moved inwards where it would reach beyond the image's edge.
    """
    left, upper, right, lower = box
    side = min(max(right - left, lower - upper) * (1 + margin), *size)
    x = min(max((left + right - side) / 2, 0), size[0] - side)
    y = min(max((upper + lower - side) / 2, 0), size[1] - side)
    return (x, y, x + side, y + side)
