"""Images from trained contenders, whatever their family.

`sample` makes a contender's samples. The other functions make the pictures that show how it works: they
take the same noise as `sample`, but batches of their own size, so that their images can differ from samples
in the last bit.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gencompare.imagesets.arrays import to_network, to_uint8
from gencompare.sampling.base import Sampler, Streams


def balanced_labels(n: int, classes: int, first: int = 0) -> np.ndarray:
    """Labels of images `first` .. `first + n - 1` that go round the classes: int64 (n,)."""
    return np.arange(first, first + n, dtype=np.int64) % classes


@torch.inference_mode()
def sample(sampler: Sampler, n: int, labels: np.ndarray | None, seed: int, first: int = 0) -> np.ndarray:
    """Make samples `first` .. `first + n - 1` of a seed: uint8 (n, H, W, C).

    Image i depends on the seed, i and its label alone: its noise comes from its own stream, and it is
    always made at the same place of the same full batch, so that neither n nor `first` changes a byte on a
    CPU.

    Args:
        labels: int64 (n,); None goes round the classes where the sampler is conditioned on labels.
    """
    labels = _labels(sampler, n, labels, first)
    images = []
    for start in range(first - first % sampler.batch, first + n, sampler.batch):
        indices = range(start, start + sampler.batch)
        padded = None if labels is None else labels[np.clip(np.array(indices) - first, 0, n - 1)]
        streams = Streams(seed, indices, sampler.device)
        batch = _final(sampler, streams.normal(*sampler.noise_shape), padded, streams)
        images.append(batch[max(first - start, 0) : first + n - start])
    return np.concatenate(images)


@torch.inference_mode()
def interpolate(
    sampler: Sampler, pairs: int, steps: int, seed: int, *, labels: np.ndarray | None = None
) -> np.ndarray:
    """Go from one sample to another through the sampler's noise: uint8 (pairs, steps, H, W, C).

    Pair p starts at the noise of sample 2p and ends at that of sample 2p + 1. On the way the noise is
    interpolated on the sphere; what stochastic samplers draw on the way is sample 2p's.

    Args:
        labels: int64 (pairs,), of all images of a pair; None goes round the classes.
    """
    ends = Streams(seed, range(2 * pairs), sampler.device).normal(*sampler.noise_shape)
    return _between(sampler, ends[::2], ends[1::2], steps, seed, _labels(sampler, pairs, labels))


@torch.inference_mode()
def interpolate_real(
    sampler: Sampler, first: np.ndarray, last: np.ndarray, steps: int, *, labels: np.ndarray | None = None
) -> np.ndarray:
    """Go from real images to others through the noise that leads to them: uint8 (pairs, steps, H, W, C).

    Args:
        first, last: uint8 (pairs, H, W, C).
        labels: as for `interpolate`.

    Raises:
        SettingError: where the sampler cannot lead images back to noise.
    """
    labels = _labels(sampler, len(first), labels)
    ends = _noise_of(sampler, np.concatenate([first, last]), None if labels is None else np.tile(labels, 2))
    return _between(sampler, ends[: len(first)], ends[len(first) :], steps, 0, labels)


@torch.inference_mode()
def reconstruct(sampler: Sampler, images: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
    """Lead images back to noise and make them again: uint8 (n, H, W, C) to the same.

    Raises:
        SettingError: where the sampler cannot lead images back to noise.
    """
    labels = _labels(sampler, len(images), labels)
    made = []
    for start in range(0, len(images), sampler.batch):
        chosen = slice(start, start + sampler.batch)
        batch_labels = None if labels is None else labels[chosen]
        noise = _noise_of(sampler, images[chosen], batch_labels)
        made.append(_final(sampler, noise, batch_labels, Streams(0, range(len(noise)), sampler.device)))
    return np.concatenate(made)


@torch.inference_mode()
def trajectory(
    sampler: Sampler,
    n: int,
    frames: int,
    seed: int,
    *,
    labels: np.ndarray | None = None,
) -> np.ndarray:
    """How samples 0 .. n - 1 of a seed come about: uint8 (n, frames, H, W, C); the last frame is the sample.

    For a diffusion model, evenly spread steps of its sampler from noise on: the clean image foreseen at each.
    For a model of one evaluation, z growing from 0, the latent mean.
    """
    labels = _labels(sampler, n, labels)
    streams = Streams(seed, range(n), sampler.device)
    noise = streams.normal(*sampler.noise_shape)
    path = sampler.path(noise, _on_device(sampler, labels), streams, frames)
    return np.stack([to_uint8(images) for images in path], axis=1)


def slerp(first: Tensor, last: Tensor, share: float) -> Tensor:
    """Spherical interpolation of two vectors of any shape (Shoemake 1985); share 0 is first, 1 is last."""
    cosine = (first * last).sum() / (first.norm() * last.norm())
    angle = torch.arccos(cosine.clamp(-1.0, 1.0))
    if angle.sin() < 1e-4:
        return (1.0 - share) * first + share * last
    return (((1.0 - share) * angle).sin() * first + (share * angle).sin() * last) / angle.sin()


def _between(
    sampler: Sampler, firsts: Tensor, lasts: Tensor, steps: int, seed: int, labels: np.ndarray | None
) -> np.ndarray:
    rows = []
    for pair, (first, last) in enumerate(zip(firsts, lasts, strict=True)):
        noise = torch.stack([slerp(first, last, share) for share in np.linspace(0.0, 1.0, steps).tolist()])
        streams = Streams(seed, [2 * pair] * steps, sampler.device)
        streams.normal(*sampler.noise_shape)  # what came before the first step
        row_labels = None if labels is None else np.repeat(labels[pair], steps)
        rows.append(_final(sampler, noise, row_labels, streams))
    return np.stack(rows)


def _final(sampler: Sampler, noise: Tensor, labels: np.ndarray | None, streams: Streams) -> np.ndarray:
    path = sampler.path(noise, _on_device(sampler, labels), streams, frames=1)
    return to_uint8(next(path))


def _noise_of(sampler: Sampler, images: np.ndarray, labels: np.ndarray | None) -> Tensor:
    batch = to_network(images).to(sampler.device)
    return sampler.invert(batch, _on_device(sampler, labels))


def _labels(sampler: Sampler, n: int, labels: np.ndarray | None, first: int = 0) -> np.ndarray | None:
    """The labels to use: none where the sampler takes none, else those given, else all in turn."""
    if not sampler.classes:
        return None
    return balanced_labels(n, sampler.classes, first) if labels is None else labels


def _on_device(sampler: Sampler, labels: np.ndarray | None) -> Tensor | None:
    return None if labels is None else torch.from_numpy(labels).to(sampler.device)
