"""Which training images each step sees: a pure function of the seed and the step, so nothing to checkpoint."""

from __future__ import annotations

import logging
import warnings

import numpy as np
import torch
from torch import Tensor

from gencompare.imagesets.arrays import Images, levels_to_network

logger = logging.getLogger(__name__)

RESIDENT_SHARE = 0.5
"""Of a card's free memory, which training images may take."""


class Feed:
    """Batches from endless reshuffled passes over the training images.

    The images lie on the device as uint8 where there is room, and batches are made of them there.

    Args:
        images: the training images.
        batch_size: images a batch; may exceed the number of images.
        seed: fixes every pass's order and every flip.
        horizontal_flip: mirror each image with probability one half.
        device, channels_last: where and how the network wants its batch.
    """

    def __init__(
        self,
        images: Images,
        batch_size: int,
        seed: int,
        *,
        horizontal_flip: bool = False,
        device: torch.device | None = None,
        channels_last: bool = False,
    ) -> None:
        self.images = images
        self.batch_size = batch_size
        self.seed = seed
        self.horizontal_flip = horizontal_flip
        self.device = device or torch.device("cpu")
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self._pass: tuple[int, np.ndarray] | None = None
        self._levels = _resident(_tensor(images.images), self.device)
        self._labels = None if images.labels is None else _tensor(images.labels).to(self.device)

    def indices(self, step: int) -> np.ndarray:
        """Return the int64 (batch_size,) indices of the images of a step."""
        position, end, parts = step * self.batch_size, (step + 1) * self.batch_size, []
        while position < end:
            number, offset = divmod(position, len(self.images))
            parts.append(self._order(number)[offset : offset + end - position])
            position += len(parts[-1])
        return np.concatenate(parts)

    def batch(self, step: int) -> tuple[Tensor, Tensor | None]:
        """Return the images, float32 (N, C, H, W) in [-1, 1], and the labels, int64 (N,) or None."""
        chosen = torch.from_numpy(self.indices(step))
        levels = _sent(self._levels[_sent(chosen, self._levels.device)], self.device)
        if self.horizontal_flip:
            flips = torch.from_numpy(self._random(1, step).random(len(chosen)) < 0.5)
            levels = torch.where(_sent(flips, self.device)[:, None, None, None], levels.flip(2), levels)
        images = levels_to_network(levels).contiguous(memory_format=self.memory_format)
        return images, None if self._labels is None else self._labels[_sent(chosen, self.device)]

    def _order(self, number: int) -> np.ndarray:
        if self._pass is None or self._pass[0] != number:
            self._pass = (number, self._random(0, number).permutation(len(self.images)))
        return self._pass[1]

    def _random(self, purpose: int, counter: int) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(np.random.SeedSequence([self.seed, purpose, counter])))


def _resident(levels: Tensor, device: torch.device) -> Tensor:
    """Put images on a device, unless they would take too much of its memory."""
    if device.type == "cuda" and levels.nbytes > RESIDENT_SHARE * torch.cuda.mem_get_info(device)[0]:
        size = f"{levels.nbytes / 2**30:.1f} GB of images"
        logger.info("%s do not fit beside the training on %s: sent batch by batch.", size, device)
        return levels
    return levels.to(device)


def _sent(tensor: Tensor, device: torch.device) -> Tensor:
    """Send a tensor to a device without waiting until it is there."""
    if tensor.device == device or device.type == "cpu":
        return tensor
    return tensor.pin_memory().to(device, non_blocking=True)


def _tensor(array: np.ndarray) -> Tensor:
    """A tensor that shares an array's memory, which is never written to, read-only as it may be."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(array)
