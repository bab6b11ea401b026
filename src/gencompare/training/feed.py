"""Which training images each step sees: a pure function of the seed and the step, so nothing to checkpoint."""

from __future__ import annotations

import numpy as np
import torch

from gencompare.imagesets.arrays import Images, to_network


class Feed:
    """Batches from endless reshuffled passes over the training images.

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

    def indices(self, step: int) -> np.ndarray:
        """Return the int64 (batch_size,) indices of the images of a step."""
        positions = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
        passes, offsets = np.divmod(positions, len(self.images))
        return np.concatenate([self._order(p)[offsets[passes == p]] for p in np.unique(passes)])

    def batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return the images, float32 (N, C, H, W) in [-1, 1], and the labels, int64 (N,) or None."""
        chosen = self.indices(step)
        images = self.images.images[chosen]
        if self.horizontal_flip:
            flips = self._random(1, step).random(len(images)) < 0.5
            images[flips] = images[flips, :, ::-1]
        tensor = to_network(images).to(self.device, memory_format=self.memory_format)
        if self.images.labels is None:
            return tensor, None
        return tensor, torch.from_numpy(self.images.labels[chosen]).to(self.device)

    def _order(self, number: int) -> np.ndarray:
        if self._pass is None or self._pass[0] != number:
            self._pass = (number, self._random(0, number).permutation(len(self.images)))
        return self._pass[1]

    def _random(self, purpose: int, counter: int) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(np.random.SeedSequence([self.seed, purpose, counter])))
