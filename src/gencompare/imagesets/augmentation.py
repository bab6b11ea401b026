"""Offline augmentation: many images from few photos, by named recipes built on albumentations.

Every image has a seed of its own and can be made again alone: `Augmenter(...).make(photo, [seed])`. Augmentation
during training (flips, the differentiable kind) belongs to training and is not here.
"""

from __future__ import annotations

import dataclasses
import math
import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pydantic
from PIL import Image

from gencompare.config.typed import Fraction, SettingError, choose, settings

if TYPE_CHECKING:
    import albumentations

Transforms = list["albumentations.BasicTransform"]


@settings
class Strength:
    """How strongly recipes change a photo.

    Attributes:
        flip: how often an image is mirrored left to right.
        rotation: half of the images are turned by up to so many degrees either way; the corners are filled by
            mirroring.
        crop: the smallest random crop, as a share of the photo's shorter side. The largest is all of it.
        jitter: in four of five images brightness, contrast and saturation are multiplied by 1 - jitter to
            1 + jitter.
        hue: in the same images hue is shifted by up to this share of the colour circle either way.
    """

    flip: Fraction = 0.5
    rotation: Annotated[float, pydantic.Field(ge=0, le=180)] = 15.0
    crop: Annotated[float, pydantic.Field(ge=0.1, le=1)] = 0.75
    jitter: Fraction = 0.2
    hue: Annotated[float, pydantic.Field(ge=0, le=0.5)] = 0.03


def basic(strength: Strength, resolution: int) -> Transforms:
    """The middle square, mirrored or not."""
    import albumentations as A

    return [A.CenterCrop(resolution, resolution), A.HorizontalFlip(p=strength.flip)]


def advanced(strength: Strength, resolution: int) -> Transforms:
    """Turned, cropped at random, mirrored or not and changed in colour."""
    import albumentations as A

    from gencompare.imagesets.turned_crop import TurnedCrop

    return [
        TurnedCrop(resolution, smallest=resolution, turn=strength.rotation),
        A.HorizontalFlip(p=strength.flip),
        A.ColorJitter(*(strength.jitter,) * 3, hue=strength.hue, p=0.8),
    ]


RECIPES: dict[str, Callable[[Strength, int], Transforms]] = {"basic": basic, "advanced": advanced}
USED = {"basic": {"flip"}, "advanced": {"flip", "rotation", "crop", "jitter", "hue"}}


def working_side(recipe: str, strength: Strength, resolution: int) -> int:
    """Shorter side, in pixels, that photos are brought to before augmentation, so that no crop is enlarged."""
    return resolution if recipe == "basic" else math.ceil(resolution / strength.crop)


def shrunk(photo: Image.Image, side: int) -> np.ndarray:
    """Resize a photo with antialiased bicubic to this shorter side, uint8 (H, W, 3); its shape is kept."""
    scale = side / min(photo.size)
    size = [max(side, round(length * scale)) for length in photo.size]
    return np.asarray(photo.resize((size[0], size[1]), Image.Resampling.BICUBIC))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep OpenCV from spreading images of this size over threads: that costs more than it gains."""
    import cv2

    threads = cv2.getNumThreads()
    cv2.setNumThreads(0)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


class Augmenter:
    """Makes images from photos by one recipe.

    Attributes:
        recipe: the recipe's name.
        description: the recipe and its parameters as albumentations writes them, JSON-ready.
        working_side: shorter side that `shrunk` must bring photos to.
    """

    def __init__(self, recipe: str, strength: Strength, resolution: int) -> None:
        """Build the recipe for square images of this resolution. Raises SettingError for an unknown recipe."""
        os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # or it asks the network for news
        import albumentations as A

        self.recipe = recipe
        self.working_side = working_side(recipe, strength, resolution)
        self._compose = A.Compose(choose(RECIPES, recipe, "image_set.recipe")(strength, resolution))
        self.description: dict[str, Any] = A.to_dict(self._compose)

    def make(self, photo: np.ndarray, seeds: Sequence[int]) -> np.ndarray:
        """Make the images of these seeds from a photo that was `shrunk`: uint8 (N, resolution, resolution, 3)."""
        with _one_thread():
            return np.stack([self._one(photo, seed) for seed in seeds])

    def _one(self, photo: np.ndarray, seed: int) -> np.ndarray:
        # one stream for all steps: Compose.set_random_seed gives each step the same, and ties them together
        self._compose.set_random_state(np.random.default_rng(seed), random.Random(seed))
        image: np.ndarray = self._compose(image=photo)["image"]
        return image


def check_strength(recipes: Sequence[str], strength: Strength) -> None:
    """Refuse unknown recipes, and a change of strength that all of them would ignore."""
    for recipe in recipes:
        choose(RECIPES, recipe, "image_set.recipe")
    used = set().union(*(USED[recipe] for recipe in recipes))
    for setting in dataclasses.fields(Strength):
        value = getattr(strength, setting.name)
        if value != setting.default and setting.name not in used:
            raise SettingError(
                f"image_set.strength.{setting.name}={value}: has no effect with "
                f"image_set.recipe={'+'.join(recipes)}"
            )
