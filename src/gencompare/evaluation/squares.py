"""Fit one square on black to each image, and say whether the image is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gencompare.imagesets.resizing import averaged_down

FINEST = 32  # images with more pixels a side are averaged down for fitting, but judged as they are
CHUNK = 256
STEPS = 10
REACH = 0.6  # pixels' widths from an edge within which a pixel pulls at it
START_ANGLES = np.arange(8) * (np.pi / 16)
DISC_RADII = (0.92, 1.0, 1.08)  # tried against each square, as a share of the radius of equal area

# An image is a square if all of these hold; see docs/evaluation.md for how they were set.
UNEXPLAINED = 0.06  # the fitted square leaves less than this share of the image's energy unexplained,
AGAINST_DISC = 0.7  # and less than this share of what a disc there leaves unexplained;
FAINTEST = 0.1  # its brightest channel is brighter than this share of full intensity;
SIDE_SLACK = 0.25  # its side is within the generator's range, by this share of either end;
FRAME_SLACK = 1 / 32  # and no corner is further outside than this share of the image.


@dataclass(frozen=True)
class SquareFit:
    """The best square of each of N images.

    Attributes:
        colour: float64 (N, 3), 0 to 1.
        side: float64 (N,), pixels.
        angle: float64 (N,), radians within [0, pi/2).
        centre: float64 (N, 2), pixels (x, y) from the top left corner, y down.
        valid: bool (N,), whether the image is one square on black.
    """

    colour: np.ndarray
    side: np.ndarray
    angle: np.ndarray
    centre: np.ndarray
    valid: np.ndarray


def fit_squares(images: np.ndarray, side_range: tuple[float, float]) -> SquareFit:
    """Fit one anti-aliased square on black to each image by least squares.

    Args:
        images: uint8 (N, H, W, C), H = W.
        side_range: the shortest and longest side that the generator makes, in pixels.
    """
    parts = [_fit(images[start : start + CHUNK]) for start in range(0, len(images), CHUNK)]
    colour, place, unexplained, against_disc = (np.concatenate(part) for part in zip(*parts, strict=True))
    centre, side, angle = place[:, 0:2], place[:, 2], place[:, 3] % (np.pi / 2)
    size = images.shape[1]
    reach = side / 2 * (np.cos(angle) + np.sin(angle))
    outside = np.abs(centre - size / 2).max(axis=1) + reach - size / 2
    valid = (
        (unexplained < UNEXPLAINED)
        & (unexplained < AGAINST_DISC * against_disc)
        & (colour.max(axis=1) > FAINTEST)
        & (side > side_range[0] * (1 - SIDE_SLACK))
        & (side < side_range[1] * (1 + SIDE_SLACK))
        & (outside < FRAME_SLACK * size)
    )
    return SquareFit(np.clip(colour, 0, 1), side, angle, centre, valid)


def _fit(images: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Fit a chunk: colour (N, 3), place (N, 4: x, y, side, angle), unexplained by the square, by a disc."""
    size = images.shape[1]
    small = averaged_down(images, FINEST)
    fitted = small.shape[1]
    flat = _flat(small)
    place = _refined(flat, _first_guess(flat, fitted), fitted)
    if fitted < size:
        place[:, :3] *= size // fitted
        flat = _flat(averaged_down(images, size))
    energy = np.maximum(np.einsum("npc,npc->n", flat, flat), 1e-6)
    cover = _cover(_Axes.of(place, size))
    against_disc = np.min([_loss(flat, _disc(place, share, size)) for share in DISC_RADII], axis=0)
    colour = np.broadcast_to(_colour(flat, cover), (len(flat), 3)).astype(np.float64)
    return colour, place, _loss(flat, cover) / energy, against_disc / energy


def _refined(flat: np.ndarray, place: np.ndarray, size: int) -> np.ndarray:
    """Damped Gauss-Newton (Levenberg and Marquardt) from the best of several angles."""
    place = _best_start_angle(flat, place, size)
    damping = np.full(len(flat), 1e-2)
    axes = _Axes.of(place, size)
    loss = _loss(flat, _cover(axes))
    for _ in range(STEPS):
        trial = place + np.clip(_step(flat, axes, damping), -size / 8, size / 8)
        trial[:, 2] = np.clip(trial[:, 2], 1.0, 2.0 * size)
        trial_axes = _Axes.of(trial, size)
        trial_loss = _loss(flat, _cover(trial_axes))
        better = trial_loss < loss
        place[better], loss[better] = trial[better], trial_loss[better]
        for kept, tried in zip(axes, trial_axes, strict=True):
            kept[better] = tried[better]
        damping = np.where(better, damping / 4, damping * 8)
    return place


class _Axes(NamedTuple):
    """Pixels in the squares' own axes, each (N, pixels)."""

    u: np.ndarray
    v: np.ndarray
    deep_u: np.ndarray  # how far within the nearer of the two edges across u, in pixels' widths
    deep_v: np.ndarray
    turn: np.ndarray  # (N, 3): cosine and sine of the angle, width of a pixel's ramp

    @classmethod
    def of(cls, place: np.ndarray, size: int) -> _Axes:
        x, y = _pixel_centres(size)
        cx, cy, side, angle = (column[:, None] for column in place.astype(np.float32).T)
        cos, sin = np.cos(angle), np.sin(angle)
        u = (x - cx) * cos + (y - cy) * sin
        v = (y - cy) * cos - (x - cx) * sin
        width = np.abs(cos) + np.abs(sin)
        deep_u, deep_v = (side / 2 - np.abs(u)) / width, (side / 2 - np.abs(v)) / width
        return cls(u, v, deep_u, deep_v, np.concatenate([cos, sin, width], axis=1))


def _cover(axes: _Axes) -> np.ndarray:
    """The share of each pixel that each square covers, edges taken as straight ramps."""
    return _ramp(axes.deep_u) * _ramp(axes.deep_v)


def _ramp(deep: np.ndarray) -> np.ndarray:
    inside: np.ndarray = np.clip(deep + np.float32(0.5), 0, 1)
    return inside


def _step(flat: np.ndarray, axes: _Axes, damping: np.ndarray) -> np.ndarray:
    """Change of (x, y, side, angle) that brings each square nearer to its image, colours held."""
    cos, sin, width = (column[:, None] for column in axes.turn.T)
    slope_u = (np.abs(axes.deep_u) < REACH) * _ramp(axes.deep_v) / width
    slope_v = (np.abs(axes.deep_v) < REACH) * _ramp(axes.deep_u) / width
    pull_u, pull_v = np.sign(axes.u) * slope_u, np.sign(axes.v) * slope_v
    by_x, by_y = pull_u * cos - pull_v * sin, pull_u * sin + pull_v * cos
    by_side, by_angle = (slope_u + slope_v) / 2, pull_v * axes.u - pull_u * axes.v
    jacobian = np.stack([by_x, by_y, by_side, by_angle], axis=1)
    cover = _cover(axes)
    colour = _colour(flat, cover)
    strength = np.maximum(np.square(colour).sum(axis=1), 1e-6)
    wanted = (flat @ colour[:, :, None])[:, :, 0] / strength[:, None]
    normal = (jacobian @ jacobian.transpose(0, 2, 1)).astype(np.float64)
    gradient = (jacobian @ (wanted - cover)[:, :, None]).astype(np.float64)
    normal += np.eye(4) * (damping[:, None] * np.einsum("nii->ni", normal) + 1e-6)[:, None, :]
    step: np.ndarray = np.linalg.solve(normal, gradient)[:, :, 0]
    return step


def _first_guess(flat: np.ndarray, size: int) -> np.ndarray:
    """Centre and side from where an image is at least half as bright as its brightest fiftieth."""
    light = flat.sum(axis=2)
    top = max(1, light.shape[1] // 50)
    peak = np.partition(light, -top, axis=1)[:, -top:].mean(axis=1, keepdims=True)
    bright = light >= 0.5 * np.maximum(peak, 1e-6)
    area = np.maximum(bright.sum(axis=1), 1.0)
    x, y = _pixel_centres(size)
    return np.stack([bright @ x / area, bright @ y / area, np.sqrt(area), np.zeros(len(flat))], axis=1)


def _best_start_angle(flat: np.ndarray, place: np.ndarray, size: int) -> np.ndarray:
    losses = []
    for angle in START_ANGLES:
        place[:, 3] = angle
        losses.append(_loss(flat, _cover(_Axes.of(place, size))))
    place[:, 3] = START_ANGLES[np.argmin(losses, axis=0)]
    return place


def _disc(place: np.ndarray, share: float, size: int) -> np.ndarray:
    """The cover of a disc in each square's place, its radius a share of that of equal area."""
    x, y = _pixel_centres(size)
    cx, cy, side, _ = (column[:, None] for column in place.astype(np.float32).T)
    radius = side * np.float32(share / np.sqrt(np.pi))
    return _ramp(radius - np.hypot(x - cx, y - cy))


def _colour(flat: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """The colour that explains most, (N, C)."""
    weight = np.maximum(np.square(cover).sum(axis=1), 1e-6)[:, None]
    return (cover[:, None, :] @ flat)[:, 0] / weight


def _loss(flat: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """Energy left when each image's best-coloured square is taken away, (N,)."""
    explained = np.square((cover[:, None, :] @ flat)[:, 0]).sum(axis=1)
    total = np.einsum("npc,npc->n", flat, flat)
    return total - explained / np.maximum(np.square(cover).sum(axis=1), 1e-6)


def _flat(images: np.ndarray) -> np.ndarray:
    """Images (N, H, W, C) as (N, pixels, C)."""
    return images.reshape(len(images), -1, images.shape[3])


def _pixel_centres(size: int) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) + np.float32(0.5)
    return x.ravel(), y.ravel()
