"""The part of the train split that one contender learns from."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from gencompare.config.typed import Positive, SettingError, settings
from gencompare.imagesets.arrays import Images


@settings
class Subset:
    """Which training images a contender sees; all where nothing is given.

    Attributes:
        only: keeps the images of which a factor has this value, such as {recipe: basic}.
        count: keeps so many of those, evenly spread over the split, so that an image set made from a few
            photos in turn still shows them all.
    """

    only: dict[str, str] = Field(default_factory=dict)
    count: Positive | None = None

    def of(self, images: Images) -> Images:
        """Return the chosen images; the same object where all are chosen.

        Raises:
            SettingError: as `rows` does.
        """
        rows = self.rows(images)
        return images if len(rows) == len(images) else _chosen(images, rows)

    def rows(self, images: Images) -> np.ndarray:
        """Return where the chosen images stand, int64 (N,), in order.

        Raises:
            SettingError: if a factor is unknown, has no such value, or there are fewer images than `count`.
        """
        rows = np.arange(len(images))
        for factor, value in self.only.items():
            if factor not in images.factors:
                known = ", ".join(images.factors) or "none"
                raise SettingError(f"images.only.{factor}: the image set has no such factor; it has: {known}")
            values = images.factors[factor]
            rows = rows[np.asarray(values)[rows] == value]
            if not len(rows):
                known = ", ".join(map(str, np.unique(values)[:10]))
                raise SettingError(f"images.only.{factor}={value!r}: no image has it; there are: {known}")
        if self.count is not None and self.count > len(rows):
            raise SettingError(f"images.count={self.count}: there are only {len(rows)} training images")
        if self.count is not None:
            rows = rows[np.linspace(0, len(rows), self.count, endpoint=False).astype(int)]
        return rows


def _chosen(images: Images, rows: np.ndarray) -> Images:
    labels = None if images.labels is None else images.labels[rows]
    return Images(images.images[rows], labels, {name: kept[rows] for name, kept in images.factors.items()})
