"""Exact scores of squares: fit a square to each sample and compare what comes out with the generator's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FINEST = 32  # images with more pixels a side are averaged down before fitting
CHUNK = 256
STEPS = 12
START_ANGLES = np.arange(8) * (np.pi / 16)
FAINTEST = 0.1  # of full intensity, in the brightest channel
UNEXPLAINED = 0.08  # share of an image's energy that the fitted square may leave unexplained
SIDE_SLACK = 0.25  # how far outside the generator's range a side may be, as a share of the range's end
FRAME_SLACK = 1.0 / 32  # how far a corner may be outside the image, as a share of its side


@dataclass(frozen=True)
class SquareFit:
    """The best square of each of N images.

    Attributes:
        colour: float64 (N, 3), 0 to 1.
        side: float64 (N,), pixels.
        angle: float64 (N,), radians within [0, pi/2).
        centre: float64 (N, 2), pixels (x, y) from the top left corner, y down.
        unexplained: float64 (N,), share of the image's energy that the square does not explain, 0 to 1.
        valid: bool (N,), whether the image is one square on black.
    """

    colour: np.ndarray
    side: np.ndarray
    angle: np.ndarray
    centre: np.ndarray
    unexplained: np.ndarray
    valid: np.ndarray


def fit_squares(images: np.ndarray, side_range: tuple[float, float]) -> SquareFit:
    """Fit one anti-aliased square on black to each image by least squares.

    Args:
        images: uint8 (N, H, W, C), H = W.
        side_range: the shortest and longest side that the generator makes, in pixels.
    """
    scale = _shrinkage(images.shape[1])
    parts = [_fit(images[start : start + CHUNK], scale) for start in range(0, len(images), CHUNK)]
    colour, place, unexplained = (np.concatenate(part) for part in zip(*parts, strict=True))
    centre, side, angle = place[:, 0:2] * scale, place[:, 2] * scale, place[:, 3] % (np.pi / 2)
    reach = side / 2 * (np.cos(angle) + np.sin(angle))
    size = images.shape[1]
    outside = np.max(np.abs(centre - size / 2), axis=1) + reach - size / 2
    valid = (
        (unexplained < UNEXPLAINED)
        & (colour.max(axis=1) > FAINTEST)
        & (side > side_range[0] * (1 - SIDE_SLACK))
        & (side < side_range[1] * (1 + SIDE_SLACK))
        & (outside < FRAME_SLACK * size)
    )
    return SquareFit(np.clip(colour, 0, 1), side, angle, centre, unexplained, valid)


def _shrinkage(size: int) -> int:
    """The least whole factor that brings a size down to FINEST and divides it."""
    return next((f for f in range(1, size + 1) if size % f == 0 and size // f <= FINEST), 1)


def _fit(images: np.ndarray, scale: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fit a chunk; returns colour (N, C -> 3), place (N, 4: x, y, side, angle) and the unexplained share."""
    pixels = _averaged(images, scale)
    n, size = len(pixels), pixels.shape[1]
    flat = pixels.reshape(n, size * size, -1)
    place = _first_guess(flat.sum(axis=2), size)
    place = _best_start_angle(flat, place, size)
    damping = np.full(n, 1e-2)
    cover = _cover(place, size)
    loss = _loss(flat, cover)
    for _ in range(STEPS):
        trial = _improved(flat, cover, place, damping, size)
        trial_cover = _cover(trial, size)
        trial_loss = _loss(flat, trial_cover)
        better = trial_loss < loss
        place = np.where(better[:, None], trial, place)
        cover = np.where(better[:, None], trial_cover, cover)
        loss = np.where(better, trial_loss, loss)
        damping = np.where(better, damping / 4, damping * 8)
    energy = np.einsum("npc,npc->n", flat, flat)
    colour = np.broadcast_to(_colour(flat, cover), (n, flat.shape[2]))
    return np.broadcast_to(colour, (n, 3)).astype(np.float64), place, loss / np.maximum(energy, 1e-6)


def _averaged(images: np.ndarray, scale: int) -> np.ndarray:
    n, size, _, channels = images.shape
    blocks = images.reshape(n, size // scale, scale, size // scale, scale, channels)
    return blocks.mean(axis=(2, 4), dtype=np.float32) / np.float32(255)


def _first_guess(light: np.ndarray, size: int) -> np.ndarray:
    """Centre and side from where an image is at least half as bright as its brightest fiftieth."""
    top = max(1, light.shape[1] // 50)
    peak = np.partition(light, -top, axis=1)[:, -top:].mean(axis=1, keepdims=True)
    weight = (light >= 0.5 * np.maximum(peak, 1e-6)).astype(np.float64)
    area = np.maximum(weight.sum(axis=1), 1.0)
    x, y = _pixel_centres(size)
    return np.stack([weight @ x / area, weight @ y / area, np.sqrt(area), np.zeros(len(light))], axis=1)


def _best_start_angle(flat: np.ndarray, place: np.ndarray, size: int) -> np.ndarray:
    starts = []
    for angle in START_ANGLES:
        turned = place.copy()
        turned[:, 3] = angle
        starts.append(_loss(flat, _cover(turned, size)))
    place[:, 3] = START_ANGLES[np.argmin(starts, axis=0)]
    return place


def _cover(place: np.ndarray, size: int) -> np.ndarray:
    """The share of each pixel that each square covers, float32 (N, pixels), edges taken as straight ramps."""
    in_u, in_v, *_ = _along_axes(place, size)
    return in_u * in_v


def _along_axes(place: np.ndarray, size: int) -> tuple[np.ndarray, ...]:
    """For each of a square's two axes, how far in a pixel is (0 to 1) and its place along the axis."""
    x, y = (c.astype(np.float32) for c in _pixel_centres(size))
    cx, cy, side, angle = (p[:, None] for p in place.astype(np.float32).T)
    cos, sin = np.cos(angle), np.sin(angle)
    u = (x - cx) * cos + (y - cy) * sin
    v = (y - cy) * cos - (x - cx) * sin
    width = np.abs(cos) + np.abs(sin)
    in_u = np.clip((side / 2 - np.abs(u)) / width + 0.5, 0, 1)
    in_v = np.clip((side / 2 - np.abs(v)) / width + 0.5, 0, 1)
    return in_u, in_v, u, v, cos, sin, width


def _improved(
    flat: np.ndarray, cover: np.ndarray, place: np.ndarray, damping: np.ndarray, size: int
) -> np.ndarray:
    """One damped Gauss-Newton step (Levenberg and Marquardt) on the squares' places, colours held."""
    in_u, in_v, u, v, cos, sin, width = _along_axes(place, size)
    slope_u = ((in_u > 0) & (in_u < 1)) * in_v / width
    slope_v = ((in_v > 0) & (in_v < 1)) * in_u / width
    pull_u, pull_v = -np.sign(u) * slope_u, -np.sign(v) * slope_v
    jacobian = np.stack(
        [
            -pull_u * cos + pull_v * sin,
            -pull_u * sin - pull_v * cos,
            (slope_u + slope_v) / 2,
            pull_u * v - pull_v * u,
        ],
        axis=2,
    )
    colour = _colour(flat, cover)
    strength = np.maximum(np.einsum("nc,nc->n", colour, colour), 1e-6)
    wanted = np.einsum("npc,nc->np", flat, colour) / strength[:, None]
    normal = np.einsum("npi,npj->nij", jacobian, jacobian).astype(np.float64)
    gradient = np.einsum("npi,np->ni", jacobian, wanted - cover).astype(np.float64)
    diagonal = np.einsum("nii->ni", normal)
    normal += np.eye(4) * (damping[:, None] * diagonal + 1e-6)[:, None, :]
    step = np.linalg.solve(normal, gradient[:, :, None])[:, :, 0]
    trial = place + np.clip(step, -size / 8, size / 8)
    trial[:, 2] = np.clip(trial[:, 2], 1.0, 2.0 * size)
    return trial


def _colour(flat: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """The colour that explains most, (N, C)."""
    return np.einsum("np,npc->nc", cover, flat) / np.maximum(np.sum(cover**2, axis=1), 1e-6)[:, None]


def _loss(flat: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """Energy left when each image's best-coloured square is taken away, (N,)."""
    explained = np.sum(np.einsum("np,npc->nc", cover, flat) ** 2, axis=1)
    total = np.einsum("npc,npc->n", flat, flat)
    return total - explained / np.maximum(np.sum(cover**2, axis=1), 1e-6)


def _pixel_centres(size: int) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[0:size, 0:size] + 0.5
    return x.ravel(), y.ravel()
