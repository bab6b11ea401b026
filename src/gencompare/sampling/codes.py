"""The sampler of a VQ-VAE: its prior writes codes one after the other, its decoder makes the image of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from gencompare.models.parts.lookup import only
from gencompare.models.vq_vae import AutoEncoder, Prior
from gencompare.sampling.base import Sampler, Streams

FARTHEST = 8.0
"""Noise beyond this many deviations says no more than noise at it."""

Choice = Callable[[Tensor, int], Tensor]
"""From the probabilities of a place's codes, float64 (N, codes), and which place it is, to codes (N,)."""


class CodeSampler(Sampler):
    """One normal number a place decides which code stands there: the one in whose share of the probability its quantile is.

    So noise and codes are the same thing said in two ways, and `invert` is exact up to what rounding loses. Its path
    goes place by place; what is not yet written has the codebook's mean.
    """

    name = "autoregressive"
    inverts = True

    def __init__(self, networks: Mapping[str, nn.Module], temperature: float) -> None:
        super().__init__(networks)
        self.prior = only(networks, Prior, f"sampler.name={self.name!r}")
        self.autoencoder = only(networks, AutoEncoder, f"sampler.name={self.name!r}")
        self.temperature = temperature
        self.noise_shape, self.classes = (self.prior.length,), self.prior.classes
        self.nfe = self.prior.length + 1

    def path(self, noise: Tensor, labels: Tensor | None, streams: Streams, frames: int) -> Iterator[Tensor]:
        quantiles = torch.special.ndtr(noise.double()).T[:, :, None].contiguous()  # (places, N, 1)

        def choose(probabilities: Tensor, place: int) -> Tensor:
            chosen = torch.searchsorted(probabilities.cumsum(1), quantiles[place])[:, 0]
            return chosen.clamp(max=probabilities.shape[1] - 1)

        length, codebook = self.prior.length, self.autoencoder.codebook
        shown = np.linspace(length, 0, frames, endpoint=False)[::-1].round().clip(1).astype(int).tolist()
        vectors = codebook.vectors.mean(0).repeat(len(noise), length, 1)
        for place, codes in enumerate(self._written(choose, len(noise), labels)):
            vectors[:, place] = codebook(codes)
            for _ in range(shown.count(place + 1)):
                yield self.autoencoder.decode(vectors)

    def invert(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """The noise in the middle of each code's share of the probability, float64 (N, places)."""
        codes, noise = self.autoencoder.encode(images), []

        def choose(probabilities: Tensor, place: int) -> Tensor:
            own = codes[:, place : place + 1]
            middle = probabilities.cumsum(1).gather(1, own) - probabilities.gather(1, own) / 2
            noise.append(torch.special.ndtri(middle[:, 0]).clamp(-FARTHEST, FARTHEST))
            return codes[:, place]

        for _ in self._written(choose, len(images), labels):
            pass
        return torch.stack(noise, dim=1)

    def _written(self, choose: Choice, n: int, labels: Tensor | None) -> Iterator[Tensor]:
        """Yield the codes (N,) chosen for each place in turn."""
        writing = self.prior.write(n, labels)
        logits = next(writing)
        for place in range(self.prior.length):
            codes = choose((logits.double() / self.temperature).softmax(dim=1), place)
            yield codes
            if place + 1 < self.prior.length:
                logits = writing.send(codes)
