"""Pictures of a trained contender: its samples by stage of training, and reconstructions of real images."""

from __future__ import annotations

import numpy as np
from PIL.Image import Image
from torch import Tensor

from gencompare.evaluation.bench import one_a_photo, rows
from gencompare.imagesets.arrays import Images
from gencompare.imagesets.pictures import strips
from gencompare.models.parts.weights import Weights
from gencompare.sampling import images as sampling
from gencompare.sampling.base import Sampler

ROWS, FRAMES = 6, 10
RECONSTRUCTED = 64


def growth(earlier: list[Sampler], samples: Images, seed: int) -> Image:
    """Draw the first samples as each earlier stage of training made them, and themselves, one a row."""
    last = rows(samples, slice(ROWS))
    made = [sampling.sample(stage, len(last), last.labels, seed) for stage in earlier]
    return strips(np.stack([*made, last.images], axis=1))


def by_stage(weights: Weights) -> list[dict[str, Tensor]]:
    """Part weights keyed `<steps>/<network>.<name>` by stage, in the order of training."""
    stages: dict[int, dict[str, Tensor]] = {}
    for key, value in weights.items():
        steps, name = key.split("/", 1)
        stages.setdefault(int(steps), {})[name] = value
    return [stages[steps] for steps in sorted(stages)]


def reconstruction(sampler: Sampler, heldout: Images) -> tuple[Image, list[float]]:
    """Draw real images, below them their reconstructions, then interpolations between real images.

    Beside the picture the mean squared error of each of RECONSTRUCTED real images, one a photo, of pixels in [0, 1]. Of a
    contender that cannot lead images back to noise there is neither, only the real images.
    """
    chosen = one_a_photo(heldout, max(RECONSTRUCTED, FRAMES))
    real, labels = chosen.images, chosen.labels if sampler.classes else None
    first = np.resize(real, (FRAMES, *real.shape[1:]))[None]
    if not sampler.inverts:
        return strips(first), []
    again = sampling.reconstruct(sampler, real, labels)
    errors = np.square((again.astype(np.float64) - real) / 255.0).mean(axis=(1, 2, 3))
    pairs = min(ROWS - 2, len(real) // 2)
    walks = sampling.interpolate_real(
        sampler,
        real[:pairs],
        real[pairs : 2 * pairs],
        FRAMES,
        labels=None if labels is None else labels[:pairs],
    )
    drawn = np.concatenate([first, np.resize(again, first.shape), walks])
    return strips(drawn), errors.tolist()
