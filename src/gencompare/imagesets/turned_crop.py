"""A step for albumentations: turn a photo and cut a square out of it, computing only the pixels that are kept.

albumentations' own `Affine` turns the whole photo before `RandomSizedCrop` throws half of it away.
"""

from __future__ import annotations

from typing import Any

import albumentations as A
import cv2
import numpy as np


class TurnedCrop(A.ImageOnlyTransform):
    """Turn a photo about its middle, cut a random square out of it and shrink that to one size.

    Args:
        size: side of the square that comes out, in pixels.
        smallest: side of the smallest square that is cut out. The largest is as wide as the photo.
        turn: the angle is drawn from -turn to turn degrees. Beyond its edges the photo is mirrored.
        turned: share of the photos that are turned at all.
        p: share of the photos to which this is done.
    """

    def __init__(self, size: int, smallest: int, turn: float, turned: float = 0.5, p: float = 1.0) -> None:
        super().__init__(p=p)
        self.size, self.smallest, self.turn, self.turned = size, smallest, turn, turned

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Draw the angle and the square."""
        height, width = params["shape"][:2]
        side = self.py_random.randint(self.smallest, min(height, width))
        top, left = self.py_random.randint(0, height - side), self.py_random.randint(0, width - side)
        turned = self.py_random.random() < self.turned
        angle = self.py_random.uniform(-self.turn, self.turn) if turned else 0.0
        return {"angle": angle, "top": top, "left": left, "side": side}

    def apply(
        self, img: np.ndarray, angle: float, top: int, left: int, side: int, **params: Any
    ) -> np.ndarray:
        """Make the square, uint8 (size, size, 3), from the photo, uint8 (H, W, 3); degrees run anticlockwise."""
        if angle:
            height, width = img.shape[:2]
            matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
            matrix[:, 2] -= left, top
            square = cv2.warpAffine(img, matrix, (side, side), borderMode=cv2.BORDER_REFLECT_101)
        else:
            square = img[top : top + side, left : left + side]
        return (
            square
            if side == self.size
            else cv2.resize(square, (self.size,) * 2, interpolation=cv2.INTER_AREA)
        )
