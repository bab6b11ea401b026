"""The first GAN (Goodfellow et al. 2014, arXiv:1406.2661): fully connected layers that know nothing of images."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from gencompare.models.gan_settings import MLPGAN
from gencompare.models.parts.latent import LatentModel
from gencompare.models.parts.precision import mixed_precision
from gencompare.models.parts.shape import ImageShape
from gencompare.models.parts.widths import doubling_widths


def networks(config: MLPGAN, shape: ImageShape) -> dict[str, nn.Module]:
    """A fresh generator and discriminator."""
    return {"generator": Generator(config, shape), "discriminator": Discriminator(config, shape)}


class Generator(LatentModel):
    """Latents (N, latent_dim) to images (N, C, R, R) in [-1, 1]."""

    def __init__(self, config: MLPGAN, shape: ImageShape) -> None:
        super().__init__()
        self.latent_dim, self.precision = config.latent_dim, config.precision
        self.size = (shape.channels, shape.resolution, shape.resolution)
        widths = doubling_widths(config.width, config.depth)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise([config.latent_dim, *widths]):
            layers += [nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.LeakyReLU(0.2)]
        pixels = shape.channels * shape.resolution**2
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], pixels), nn.Tanh())  # (N, C R²)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        with mixed_precision(latent.device, self.precision):
            return self.layers(latent).float().unflatten(1, self.size)


class Discriminator(nn.Module):
    """Images (N, C, R, R) to logits (N,): positive says real."""

    def __init__(self, config: MLPGAN, shape: ImageShape) -> None:
        super().__init__()
        self.precision = config.precision
        hidden = doubling_widths(config.width, config.depth)[::-1]
        widths = [shape.channels * shape.resolution**2, *hidden]
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [nn.Linear(inputs, outputs), nn.LeakyReLU(0.2), nn.Dropout(config.dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], 1))  # (N, 1)

    def forward(self, images: Tensor) -> Tensor:
        with mixed_precision(images.device, self.precision):
            return torch.flatten(self.layers(images.flatten(1))).float()
