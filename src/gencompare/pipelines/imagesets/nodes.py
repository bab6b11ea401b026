"""Nodes that prepare an image set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gencompare.imagesets import Preparation, make_image_set
from gencompare.imagesets.arrays import ImageSplits


def prepare_images(image_set: Mapping[str, Any]) -> Preparation:
    """Make the image set that the parameters describe: its name and its settings."""
    return make_image_set(image_set).prepare()


def describe_images(prepared: ImageSplits) -> dict[str, Any]:
    """The prepared image set's card."""
    return prepared.card
