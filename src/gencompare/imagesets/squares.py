"""`squares`: one coloured square on black, with the factors that made it.

Colour, side, angle and place are drawn uniformly from ranges that are settings and stand in the card, so
that samples can be scored exactly. Image i of a split depends on the seed and on i only: the first 1,000 of
80,000 squares are the 1,000 squares. Bytes are the same on every machine, because only operations that
IEEE 754 rounds exactly (+ - * /) stand between Philox's integers and the pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import ClassVar

import numpy as np

from gencompare.config.typed import Fraction, Positive, Seed, SettingError, settings
from gencompare.imagesets.arrays import Images
from gencompare.imagesets.base import ImageSet, Preparation, Resolution
from gencompare.imagesets.chunks import in_order, spans

CHUNK = 256
DRAWS = 8  # random words an image: colour 3, side 1, angle 1, centre 2, one unused: two Philox blocks
SPLITS = {"train": 0, "heldout": 1}


@settings
class Squares(ImageSet):
    """Coloured squares on black, exactly anti-aliased.

    Attributes:
        count: images in the train split.
        heldout: images in the held-out split, drawn from the same distributions with other random numbers.
        resolution: side of the images, in pixels.
        colour: range of each of red, green and blue, drawn independently; 0 is black, 1 is full.
        side: range of the square's side, as a fraction of the resolution. At most 0.7, so that a square
            fits into the image at any angle.
        angle: range of the square's rotation, in degrees, within [0, 90].
        spread: how much of the room there is for the centre is used: at 1 a square is found wherever it shows
            whole, at 0 always in the middle.
        seed: another seed gives other squares.
    """

    name: ClassVar[str] = "squares"
    may_have_labels: ClassVar[bool] = False
    count: Positive = 10_000
    heldout: Positive = 2_000
    resolution: Resolution = 32
    colour: tuple[float, float] = (0.3, 1.0)
    side: tuple[float, float] = (0.3, 0.6)
    angle: tuple[float, float] = (0.0, 90.0)
    spread: Fraction = 1.0
    seed: Seed = 0

    def check(self) -> None:
        """Refuse ranges that cannot be drawn from."""
        _check_range("colour", self.colour, 0.0, 1.0)
        _check_range("side", self.side, 0.0, 0.7)
        _check_range("angle", self.angle, 0.0, 90.0)
        if self.colour[1] == 0.0 or self.side[1] == 0.0:
            raise SettingError(
                "image_set.colour, image_set.side: the upper end must be above 0, or nothing shows"
            )

    def prepare(self) -> Preparation:
        """Describe the squares; they are made chunk by chunk when asked for."""
        self.check()
        licence = "made here; free of rights"
        card = self.describe(channels=3, classes=[], source="generated", licence=licence)
        card["generator"] = {
            "colour": list(self.colour),
            "side": [s * self.resolution for s in self.side],
            "angle": [math.radians(a) for a in self.angle],
            "spread": self.spread,
            "units": {
                "colour": "each of red, green, blue, uniform and independent, 0 to 1",
                "side": "pixels, uniform",
                "angle": "radians, uniform",
                "centre": "pixels (x, y) from the top left corner, x to the right, y down; uniform within "
                "resolution / 2 +- spread * (resolution / 2 - side / 2 * (cos(angle) + sin(angle)))",
            },
        }
        return Preparation(
            fingerprint=self.fingerprint(),
            card=card,
            train=partial(self.chunks, "train", self.count),
            heldout=partial(self.chunks, "heldout", self.heldout),
        )

    def chunks(self, split: str, count: int, size: int = CHUNK) -> Iterator[Images]:
        """Yield a split's first `count` squares, `size` at a time."""
        return in_order(lambda span: self.draw(split, *span), spans(count, size))

    def draw(self, split: str, start: int, stop: int) -> Images:
        """Draw squares start to stop of a split.

        Returns:
            Images with the factors `colour` float32 (N, 3) in [0, 1], `side` float32 (N,) in pixels, `angle`
            float32 (N,) in radians within [0, pi/2), `centre` float32 (N, 2) in pixels (x, y), y down.
        """
        uniform = _uniform(self.seed, SPLITS[split], start, stop)
        size = self.resolution
        colour = np.rint(255 * _between(self.colour, uniform[:, 0:3]))
        side = size * _between(self.side, uniform[:, 3])
        angle = np.minimum(
            _between(self.angle, uniform[:, 4]) * (math.pi / 180), np.nextafter(math.pi / 2, 0)
        )
        cos, sin = _cos_sin(angle)
        room = size / 2 - side / 2 * (cos + sin)
        centre = size / 2 + self.spread * room[:, None] * (2 * uniform[:, 5:7] - 1)
        factors = {"colour": colour / 255, "side": side, "angle": angle, "centre": centre}
        images = _paint(colour, side, cos, sin, centre, size)
        return Images(images, factors={k: v.astype(np.float32) for k, v in factors.items()})


def _check_range(name: str, ends: tuple[float, float], low: float, high: float) -> None:
    if not low <= ends[0] <= ends[1] <= high:
        raise SettingError(
            f"image_set.{name}={list(ends)}: must be two numbers, the smaller first, from {low:g} to {high:g}"
        )


def _uniform(seed: int, stream: int, start: int, stop: int) -> np.ndarray:
    """Uniform float64 (stop - start, DRAWS) in [0, 1), row i from Philox counters of its own."""
    philox = np.random.Philox(key=[seed, stream], counter=start * DRAWS // 4)
    words = np.asarray(philox.random_raw((stop - start) * DRAWS))
    return (words >> np.uint64(11)).reshape(-1, DRAWS) * 2.0**-53


def _between(ends: tuple[float, float], uniform: np.ndarray) -> np.ndarray:
    return ends[0] + (ends[1] - ends[0]) * uniform


def _cos_sin(angle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine on [0, pi/2] by their series: numpy's own differ in the last bit between processors."""
    square = angle * angle
    cos, sin = np.ones_like(angle), np.ones_like(angle)
    for k in range(20, 0, -2):
        cos = 1 - cos * square / (k * (k - 1))
        sin = 1 - sin * square / (k * (k + 1))
    return cos, sin * angle


def _paint(
    colour: np.ndarray, side: np.ndarray, cos: np.ndarray, sin: np.ndarray, centre: np.ndarray, size: int
) -> np.ndarray:
    """Paint one square an image: uint8 (N, size, size, 3). Edge pixels by the exact share that is covered."""
    pixel = np.arange(size) + 0.5
    x, y = pixel - centre[:, :1], pixel - centre[:, 1:]
    # u and v: pixel centres in the square's own axes; depth: how far outside, in the worse of the two
    u = _outer_sum(y * sin[:, None], x * cos[:, None])
    v = _outer_sum(y * cos[:, None], -x * sin[:, None])
    depth = np.maximum(np.abs(u, out=u), np.abs(v, out=v), out=u)
    reach = (cos + sin) / 2  # half a pixel's width along the square's axes
    inside = depth <= (side / 2 - reach).astype(np.float32)[:, None, None]
    edge = depth < (side / 2 + reach).astype(np.float32)[:, None, None]
    edge ^= inside

    images = np.zeros((len(side), size, size, 3), np.uint8)
    levels = colour.astype(np.uint8)
    for channel in range(3):
        np.multiply(inside, levels[:, channel, None, None], out=images[..., channel])
    n, place = np.divmod(np.flatnonzero(edge), size * size)
    row, column = np.divmod(place, size)
    covered = _covered(_corners(side, cos, sin, centre)[:, :, n], column, row)
    images[n, row, column] = np.rint(colour[n] * covered[:, None])
    return images


def _outer_sum(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    return rows.astype(np.float32)[:, :, None] + columns.astype(np.float32)[:, None, :]


def _corners(side: np.ndarray, cos: np.ndarray, sin: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """The corners' places, float64 (x or y, 4, N), going round so that `_covered` is positive."""
    along, across = side / 2 * (cos - sin), side / 2 * (cos + sin)
    x = centre[:, 0] + np.stack([along, -across, -along, across])
    y = centre[:, 1] + np.stack([across, along, -across, -along])
    return np.stack([x, y])


def _covered(corners: np.ndarray, column: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Exact area of each pixel that its square covers, float64 (M,) in [0, 1], by Green's theorem.

    Args:
        corners: float64 (x or y, 4, M), the corners of each pixel's square.
        column: the pixels' left ends, int (M,).
        row: the pixels' upper ends, int (M,).
    """
    x, y = corners[0] - column, corners[1] - row
    area = np.zeros(len(column))
    for k in range(4):
        area += _left_of_edge(x[k - 1], y[k - 1], x[k], y[k])
    return np.clip(np.abs(area), 0.0, 1.0)


def _left_of_edge(x0: np.ndarray, y0: np.ndarray, x1: np.ndarray, y1: np.ndarray) -> np.ndarray:
    """Integral of clip(x, 0, 1) dy along the edges, within the unit pixel's rows."""
    rise = y1 - y0
    slope = (x1 - x0) / np.where(rise == 0, 1.0, rise)
    top, bottom = np.clip(y0, 0.0, 1.0), np.clip(y1, 0.0, 1.0)
    start, end = x0 + (top - y0) * slope, x0 + (bottom - y0) * slope
    run = end - start
    upright = np.abs(run) < 1e-6
    mean = (_ramp(end) - _ramp(start)) / np.where(upright, 1.0, run)
    return np.where(upright, np.clip((start + end) / 2, 0.0, 1.0), mean) * (bottom - top)


def _ramp(t: np.ndarray) -> np.ndarray:
    """Integral of clip(s, 0, 1) for s from 0 to t."""
    clipped = np.clip(t, 0.0, 1.0)
    return clipped * clipped / 2 + np.maximum(t - 1.0, 0.0)
