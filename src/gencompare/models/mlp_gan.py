"""The first GAN (Goodfellow et al. 2014, arXiv:1406.2661): fully connected layers that know nothing of images."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gencompare.config.typed import Fraction, Positive, settings
from gencompare.models.blocks import LatentModel, Precision, check_resolution, mixed_precision
from gencompare.models.shape import ImageShape


@settings
class MLPGAN:
    """Two stacks of fully connected layers.

    Attributes:
        latent_dim: length of the latent vector.
        width: units of the hidden layer next to the latent vector or the logit; doubled at every layer
            towards the image.
        depth: hidden layers of each network.
        dropout: share of the discriminator's units dropped while training.
        precision: of the matrix products; auto is bfloat16 where that is fast.
    """

    latent_dim: Positive = 64
    width: Positive = 256
    depth: Positive = 3
    dropout: Fraction = 0.3
    precision: Precision = "auto"

    def check(self, shape: ImageShape) -> None:
        check_resolution(shape, "mlp_gan")

    def networks(self, shape: ImageShape) -> dict[str, nn.Module]:
        return {"generator": Generator(self, shape), "discriminator": Discriminator(self, shape)}

    def widths(self) -> list[int]:
        """Units of the hidden layers, from the latent vector to the image."""
        return [self.width * 2**layer for layer in range(self.depth)]


class Generator(LatentModel):
    """Latents (N, latent_dim) to images (N, C, R, R) in [-1, 1]."""

    def __init__(self, config: MLPGAN, shape: ImageShape) -> None:
        super().__init__()
        self.latent_dim, self.precision = config.latent_dim, config.precision
        self.size = (shape.channels, shape.resolution, shape.resolution)
        widths = config.widths()
        layers: list[nn.Module] = []
        for inputs, outputs in zip([config.latent_dim, *widths], widths, strict=False):
            layers += [nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.LeakyReLU(0.2)]
        pixels = shape.channels * shape.resolution**2
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], pixels), nn.Tanh())  # (N, C R²)

    def forward(self, latent: Tensor) -> Tensor:
        with mixed_precision(latent.device, self.precision):
            return self.layers(latent).float().unflatten(1, self.size)

    def generate(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        return self(latent)


class Discriminator(nn.Module):
    """Images (N, C, R, R) to logits (N,): positive says real."""

    def __init__(self, config: MLPGAN, shape: ImageShape) -> None:
        super().__init__()
        self.precision = config.precision
        widths = [shape.channels * shape.resolution**2, *config.widths()[::-1]]
        layers: list[nn.Module] = []
        for inputs, outputs in zip(widths, widths[1:], strict=False):
            layers += [nn.Linear(inputs, outputs), nn.LeakyReLU(0.2), nn.Dropout(config.dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], 1))  # (N, 1)

    def forward(self, images: Tensor) -> Tensor:
        with mixed_precision(images.device, self.precision):
            return torch.flatten(self.layers(images.flatten(1))).float()
