"""DCGAN with nearest up-sampling and convolutions for transposed convolutions, which leave checkerboards
(Odena et al. 2016, https://distill.pub/2016/deconv-checkerboard), and instance normalisation (arXiv:1607.08022).
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from gencompare.models.gan_settings import UpsampleDCGAN
from gencompare.models.parts.latent import LatentModel
from gencompare.models.parts.layers import normal_init
from gencompare.models.parts.precision import mixed_precision
from gencompare.models.parts.shape import ImageShape
from gencompare.models.parts.widths import doubling_widths


def networks(config: UpsampleDCGAN, shape: ImageShape) -> dict[str, nn.Module]:
    """A fresh generator and discriminator."""
    networks = {"generator": Generator(config, shape), "discriminator": Discriminator(config, shape)}
    for network in networks.values():
        normal_init(network)
    return networks


class Generator(LatentModel):
    """Latents (N, latent_dim) to images (N, C, R, R) in [-1, 1]."""

    def __init__(self, config: UpsampleDCGAN, shape: ImageShape) -> None:
        super().__init__()
        self.latent_dim, self.precision = config.latent_dim, config.precision
        widths = doubling_widths(config.width, shape.halvings, config.max_width)[::-1]
        grow = UpResidual if config.residual != "none" else up
        self.layers = nn.Sequential(
            # From one place there is nothing to overlap: a transposed convolution gives each of 4x4 its own weights.
            nn.ConvTranspose2d(config.latent_dim, widths[0], 4),  # (N, widths[0], 4, 4)
            nn.ReLU(),
            *(grow(*pair) for pair in pairwise(widths)),  # twice the side each
            nn.Upsample(scale_factor=2),
            nn.Conv2d(widths[-1], shape.channels, 3, padding=1),  # (N, C, R, R)
            nn.Tanh(),
        )

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        with mixed_precision(latent.device, self.precision):
            return self.layers(latent[:, :, None, None]).float()


class Discriminator(nn.Module):
    """Images (N, C, R, R) to logits (N,): positive says real."""

    def __init__(self, config: UpsampleDCGAN, shape: ImageShape) -> None:
        super().__init__()
        widths = doubling_widths(config.width, shape.halvings, config.max_width)
        self.precision = config.precision
        shrink = DownResidual if config.residual == "both" else down
        self.layers = nn.Sequential(
            nn.Conv2d(shape.channels, widths[0], 4, 2, 1),
            nn.LeakyReLU(0.2),
            *(shrink(*pair) for pair in pairwise(widths)),  # half the side each
            nn.Conv2d(widths[-1], 1, 4),  # (N, 1, 1, 1)
        )

    def forward(self, images: Tensor) -> Tensor:
        with mixed_precision(images.device, self.precision):
            return torch.flatten(self.layers(images)).float()


def up(inputs: int, outputs: int) -> nn.Module:
    """(N, inputs, s, s) to (N, outputs, 2s, 2s)."""
    return nn.Sequential(
        nn.Upsample(scale_factor=2),
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.InstanceNorm2d(outputs, affine=True),
        nn.ReLU(),
    )


def down(inputs: int, outputs: int) -> nn.Module:
    """(N, inputs, s, s) to (N, outputs, s/2, s/2)."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False),
        nn.InstanceNorm2d(outputs, affine=True),
        nn.LeakyReLU(0.2),
    )


class UpResidual(nn.Module):
    """`up` and one more convolution, beside a 1x1 shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            up(inputs, outputs),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.InstanceNorm2d(outputs, affine=True),
        )
        self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.Upsample(scale_factor=2))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.residual(x) + self.shortcut(x))


class DownResidual(nn.Module):
    """`down` and one more convolution, beside a 1x1 shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            down(inputs, outputs),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.InstanceNorm2d(outputs, affine=True),
        )
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(inputs, outputs, 1))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.leaky_relu(self.residual(x) + self.shortcut(x), 0.2)
