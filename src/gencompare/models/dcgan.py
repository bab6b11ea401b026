"""DCGAN (Radford, Metz and Chintala 2015, arXiv:1511.06434): strided convolutions only, no dense layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gencompare.models.blocks import LatentModel, Precision, check_resolution, mixed_precision, normal_init
from gencompare.models.shape import ImageShape
from gencompare.typed import Positive, settings


@settings
class DCGAN:
    """A generator of transposed convolutions against a discriminator of strided ones.

    Attributes:
        latent_dim: length of the latent vector.
        width: channels at half the final resolution; doubled at every halving down to 4 pixels.
        max_width: where the doubling stops.
        precision: of the convolutions; auto is bfloat16 where that is fast.
    """

    latent_dim: Positive = 64
    width: Positive = 32
    max_width: Positive = 256
    precision: Precision = "auto"

    def check(self, shape: ImageShape) -> None:
        check_resolution(shape, "dcgan")

    def networks(self, shape: ImageShape) -> dict[str, nn.Module]:
        return {"generator": Generator(self, shape), "discriminator": Discriminator(self, shape)}

    def widths(self, shape: ImageShape) -> list[int]:
        """Channels at 4, 8, ... up to half the resolution."""
        levels = shape.resolution.bit_length() - 3
        return [min(self.width * 2**level, self.max_width) for level in reversed(range(levels))]


class Generator(LatentModel):
    """Latents (N, latent_dim) to images (N, C, R, R) in [-1, 1]."""

    def __init__(self, config: DCGAN, shape: ImageShape) -> None:
        super().__init__()
        self.latent_dim, self.precision = config.latent_dim, config.precision
        widths = config.widths(shape)
        layers = [*_grow(config.latent_dim, widths[0], stride=1, padding=0)]  # (N, widths[0], 4, 4)
        for inputs, outputs in zip(widths, widths[1:], strict=False):
            layers += _grow(inputs, outputs, stride=2, padding=1)  # twice the side each
        layers += [nn.ConvTranspose2d(widths[-1], shape.channels, 4, 2, 1), nn.Tanh()]  # (N, C, R, R)
        self.layers = nn.Sequential(*layers)
        normal_init(self)

    def forward(self, latent: Tensor) -> Tensor:
        with mixed_precision(latent.device, self.precision):
            return self.layers(latent[:, :, None, None]).float()

    def generate(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        return self(latent)


class Discriminator(nn.Module):
    """Images (N, C, R, R) to logits (N,): positive says real."""

    def __init__(self, config: DCGAN, shape: ImageShape) -> None:
        super().__init__()
        self.precision = config.precision
        widths = config.widths(shape)[::-1]
        layers: list[nn.Module] = [nn.Conv2d(shape.channels, widths[0], 4, 2, 1), nn.LeakyReLU(0.2)]
        for inputs, outputs in zip(widths, widths[1:], strict=False):
            layers += [
                nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.LeakyReLU(0.2),
            ]
        layers.append(nn.Conv2d(widths[-1], 1, 4))  # (N, 1, 1, 1)
        self.layers = nn.Sequential(*layers)
        normal_init(self)

    def forward(self, images: Tensor) -> Tensor:
        with mixed_precision(images.device, self.precision):
            return torch.flatten(self.layers(images)).float()


def _grow(inputs: int, outputs: int, stride: int, padding: int) -> list[nn.Module]:
    convolution = nn.ConvTranspose2d(inputs, outputs, 4, stride, padding, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]
