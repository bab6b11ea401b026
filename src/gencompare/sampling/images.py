"""Images from trained contenders: samples, interpolations and trajectories."""

from __future__ import annotations

from collections import deque

import numpy as np
import torch
from torch import Tensor

from gencompare.imagesets.arrays import to_uint8
from gencompare.sampling.base import Contender, Streams

BATCH = 64


def balanced_labels(n: int, classes: int, first: int = 0) -> np.ndarray:
    """Labels of images `first` .. `first + n - 1` that go round the classes: int64 (n,)."""
    return np.arange(first, first + n, dtype=np.int64) % classes


@torch.inference_mode()
def sample(contender: Contender, n: int, labels: np.ndarray | None, seed: int, first: int = 0) -> np.ndarray:
    """Make samples `first` .. `first + n - 1` of a seed: uint8 (n, H, W, C).

    Image i depends on the seed, i and its label alone: its noise comes from its own stream, and it is always made at
    the same place of the same full batch, so that neither n nor `first` changes a byte on a CPU.

    Args:
        labels: int64 (n,); None goes round the classes where the contender is conditioned on labels.
    """
    if labels is None and contender.classes:
        labels = balanced_labels(n, contender.classes, first)
    images = []
    for start in range(first - first % BATCH, first + n, BATCH):
        indices = range(start, start + BATCH)
        streams = Streams(seed, indices, contender.device)
        batch_labels = None
        if labels is not None and contender.classes:
            places = np.clip(np.array(indices) - first, 0, n - 1)
            batch_labels = torch.from_numpy(labels[places]).to(contender.device)
        batch = _make(contender, streams.normal(*contender.noise_shape), batch_labels, streams)
        images.append(batch[max(first - start, 0) : first + n - start])
    return np.concatenate(images)


@torch.inference_mode()
def interpolate(
    contender: Contender, pairs: int, steps: int, seed: int, *, linear: bool = False, label: int | None = None
) -> np.ndarray:
    """Go from one sample to another through the sampler's noise: uint8 (pairs, steps, H, W, C).

    Pair p starts at sample 2p of the seed and ends at sample 2p + 1. On the way the noise is interpolated on the
    sphere (straight where `linear`); noise drawn along the way by stochastic samplers is that of sample 2p.

    Args:
        label: of all images, where the contender is conditioned on labels; None gives pair p label p % classes.
    """
    rows = []
    for pair in range(pairs):
        first, last = Streams(seed, [2 * pair, 2 * pair + 1], contender.device).normal(*contender.noise_shape)
        mix = lerp if linear else slerp
        noise = torch.stack([mix(first, last, float(share)) for share in np.linspace(0.0, 1.0, steps)])
        streams = Streams(seed, [2 * pair] * steps, contender.device)
        streams.normal(*contender.noise_shape)  # spent on the start
        labels = None
        if contender.classes:
            labels = torch.full((steps,), pair % contender.classes if label is None else label).to(
                contender.device
            )
        rows.append(_make(contender, noise, labels, streams))
    return np.stack(rows)


@torch.inference_mode()
def trajectory(
    contender: Contender, n: int, frames: int, seed: int, labels: np.ndarray | None = None
) -> np.ndarray:
    """How samples 0 .. n - 1 of a seed come about: uint8 (n, frames, H, W, C); the last frame is the sample.

    For a diffusion model, the estimate of the clean image at evenly spread steps of its sampler, from noise on. For a
    model of one evaluation, images of z growing from 0, the latent mean, to its value.
    """
    if labels is None and contender.classes:
        labels = balanced_labels(n, contender.classes)
    streams = Streams(seed, range(n), contender.device)
    noise = streams.normal(*contender.noise_shape)
    device_labels = (
        torch.from_numpy(labels).to(contender.device) if labels is not None and contender.classes else None
    )
    path = contender.sampler.path(contender.networks, noise, device_labels, streams, frames)
    return np.stack([to_uint8(images) for images in path], axis=1)


def slerp(first: Tensor, last: Tensor, share: float) -> Tensor:
    """Spherical interpolation between two vectors of any shape (Shoemake 1985); share 0 is first, 1 is last."""
    cosine = (first * last).sum() / (first.norm() * last.norm())
    angle = torch.arccos(cosine.clamp(-1.0, 1.0))
    if angle.sin() < 1e-6:
        return lerp(first, last, share)
    return (((1.0 - share) * angle).sin() * first + (share * angle).sin() * last) / angle.sin()


def lerp(first: Tensor, last: Tensor, share: float) -> Tensor:
    """Linear interpolation; share 0 is first, 1 is last."""
    return (1.0 - share) * first + share * last


def _make(contender: Contender, noise: Tensor, labels: Tensor | None, streams: Streams) -> np.ndarray:
    path = contender.sampler.path(contender.networks, noise, labels, streams, frames=1)
    return to_uint8(deque(path, maxlen=1).pop())
