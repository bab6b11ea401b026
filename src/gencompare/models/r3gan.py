"""R3GAN's own networks: residual, without normalisation (arXiv:2501.05441, configuration E)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gencompare.models.gan_settings import R3GAN
from gencompare.models.parts.latent import LatentModel
from gencompare.models.parts.layers import he_init, projected
from gencompare.models.parts.precision import mixed_precision
from gencompare.models.parts.shape import ImageShape

EXPANSION, GROUP = 2, 16
"""How much wider a block is inside, and the channels of one group there."""
SLOPE = 0.2


def networks(config: R3GAN, shape: ImageShape) -> dict[str, nn.Module]:
    """A fresh generator and discriminator."""
    return {"generator": Generator(config, shape), "discriminator": Discriminator(config, shape)}


class Generator(LatentModel):
    """Latents (N, latent_dim), and labels (N,) where conditional, to images (N, C, R, R), unbounded while trained."""

    def __init__(self, config: R3GAN, shape: ImageShape) -> None:
        super().__init__()
        self.latent_dim, self.classes = config.latent_dim, shape.classes_if(config.conditional)
        self.precision = config.precision
        self.label = nn.Embedding(self.classes, config.latent_dim) if self.classes else None
        inputs = config.latent_dim * (2 if self.classes else 1)
        self.modulate = he_init(nn.Linear(inputs, config.width, bias=False), 1.0)
        self.basis = nn.Parameter(torch.randn(config.width, 4, 4))
        levels = shape.halvings + 1
        self.stages = nn.ModuleList(stage(config, levels) for _ in range(levels))
        self.to_image = he_init(nn.Conv2d(config.width, shape.channels, 1), 1.0)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        if self.label is not None:
            assert labels is not None, "a conditional generator needs labels"
            latent = torch.cat([latent, self.label(labels)], dim=1)
        with mixed_precision(latent.device, self.precision):
            x = self.modulate(latent)[:, :, None, None] * self.basis  # (N, width, 4, 4)
            for level, blocks in enumerate(self.stages):
                x = blocks(doubled(x) if level else x)
            return self.to_image(x).float()  # (N, C, R, R)

    def generate(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        images = self(latent, labels)
        return images if self.training else images.clamp(-1.0, 1.0)


class Discriminator(nn.Module):
    """Images (N, C, R, R), and labels (N,) where conditional, to logits (N,): positive says real."""

    def __init__(self, config: R3GAN, shape: ImageShape) -> None:
        super().__init__()
        self.precision = config.precision
        self.from_image = he_init(nn.Conv2d(shape.channels, config.width, 1), 1.0)
        levels = shape.halvings + 1
        self.stages = nn.ModuleList(stage(config, levels) for _ in range(levels))
        self.basis = he_init(nn.Conv2d(config.width, config.width, 4, groups=config.width, bias=False), 1.0)
        self.logit = he_init(nn.Linear(config.width, 1, bias=False), 1.0)
        labels = shape.classes_if(config.conditional)
        self.label = nn.Embedding(labels, config.width) if labels else None
        if self.label is not None:
            nn.init.normal_(self.label.weight, 0.0, config.width**-0.5)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        with mixed_precision(images.device, self.precision):
            x = self.from_image(images)
            for level, blocks in enumerate(self.stages):
                x = blocks(halved(x) if level else x)
            features = self.basis(x).flatten(1).float()  # (N, width)
            logit = self.logit(features).float().squeeze(1)
        return projected(logit, features, self.label, labels)


class Block(nn.Module):
    """(N, width, s, s) to the same: x + 1x1 to twice the width, grouped 3x3, 1x1 back, started at zero.

    Weights before the last start smaller the more blocks there are, `depth` (Fixup, arXiv:1901.09321).
    """

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        inner, gain = EXPANSION * width, math.sqrt(2.0 / (1.0 + SLOPE**2)) * depth**-0.25
        self.expand = he_init(nn.Conv2d(width, inner, 1), gain)
        self.mix = he_init(nn.Conv2d(inner, inner, 3, padding=1, groups=inner // GROUP), gain)
        self.contract = he_init(nn.Conv2d(inner, width, 1, bias=False), 0.0)

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.leaky_relu(self.expand(x), SLOPE)
        return x + self.contract(F.leaky_relu(self.mix(hidden), SLOPE))


def stage(config: R3GAN, levels: int) -> nn.Sequential:
    """The blocks of one resolution, of a network with as many."""
    return nn.Sequential(*(Block(config.width, config.blocks * levels) for _ in range(config.blocks)))


def halved(x: Tensor) -> Tensor:
    """(N, C, s, s) to (N, C, s/2, s/2) through the kernel [1, 2, 1] both ways."""
    return F.conv2d(x, _kernel(x), stride=2, padding=1, groups=x.shape[1])


def doubled(x: Tensor) -> Tensor:
    """(N, C, s, s) to (N, C, 2s, 2s) through the kernel [1, 2, 1] both ways; inside, brightness stays."""
    return F.conv_transpose2d(x, 4.0 * _kernel(x), stride=2, padding=1, output_padding=1, groups=x.shape[1])


def _kernel(x: Tensor) -> Tensor:
    row = torch.tensor([0.25, 0.5, 0.25], device=x.device, dtype=x.dtype)
    return (row[:, None] * row).expand(x.shape[1], 1, 3, 3)
