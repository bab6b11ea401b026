"""Sampling of models that make an image in one evaluation from a latent vector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from gencompare.models.blocks import LatentModel, only
from gencompare.models.shape import ImageShape
from gencompare.sampling.base import Sampler, Streams
from gencompare.typed import settings


@settings
class Latent(Sampler):
    """Draw z from N(0, I) and generate. Its path goes from the latent mean, z = 0, straight to the sample."""

    def check(self, networks: Mapping[str, nn.Module]) -> None:
        self._model(networks)

    def classes(self, networks: Mapping[str, nn.Module]) -> int:
        return self._model(networks).classes

    def noise_shape(self, networks: Mapping[str, nn.Module], shape: ImageShape) -> tuple[int, ...]:
        return (self._model(networks).latent_dim,)

    def path(
        self,
        networks: Mapping[str, nn.Module],
        noise: Tensor,
        labels: Tensor | None,
        streams: Streams,
        frames: int,
    ) -> Iterator[Tensor]:
        model = self._model(networks)
        for scale in torch.linspace(0.0, 1.0, frames) if frames > 1 else torch.ones(1):
            yield model.generate(noise * scale, labels)

    def nfe(self, networks: Mapping[str, nn.Module]) -> int:
        return 1

    def _model(self, networks: Mapping[str, nn.Module]) -> LatentModel:
        return only(networks, LatentModel, "sampler.name='latent'")
