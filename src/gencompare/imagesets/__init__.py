"""Image sets: named sources of real images, prepared as uint8 squares with a train and a held-out split.

A new image set is one file with a settings class derived from `base.ImageSet`, and one line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gencompare.config.typed import SettingError, build, choose
from gencompare.imagesets.base import ImageSet, Preparation
from gencompare.imagesets.cifar10 import CIFAR10
from gencompare.imagesets.cub200 import CUB200
from gencompare.imagesets.fashion_mnist import FashionMNIST
from gencompare.imagesets.folder import Folder
from gencompare.imagesets.panda_photos import Pandas
from gencompare.imagesets.squares import Squares

IMAGE_SETS: dict[str, type[ImageSet]] = {
    cls.name: cls for cls in (Squares, FashionMNIST, Pandas, CUB200, CIFAR10, Folder)
}


def make_image_set(values: Mapping[str, Any], where: str = "image_set") -> ImageSet:
    """Make an image set from parameters: its name and any of its settings.

    Raises:
        SettingError: for an unknown name (with the nearest ones) or a setting that cannot be used.
    """
    if not isinstance(values, Mapping) or "name" not in values:
        raise SettingError(
            f"{where}={values!r}: must be a mapping with the image set's name, such as name: squares"
        )
    cls = choose(IMAGE_SETS, values["name"], f"{where}.name")
    return build(cls, {name: value for name, value in values.items() if name != "name"}, where)


__all__ = ["IMAGE_SETS", "ImageSet", "Preparation", "make_image_set"]
