"""Residual GAN (WGAN-GP, arXiv:1704.00028, appendix F), unconditional or with projection (arXiv:1802.05637)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from gencompare.models.gan_settings import ResNetGAN
from gencompare.models.parts.latent import LatentModel
from gencompare.models.parts.layers import Norm, enlarged, projected
from gencompare.models.parts.precision import mixed_precision
from gencompare.models.parts.shape import ImageShape
from gencompare.models.parts.widths import doubling_widths


def networks(config: ResNetGAN, shape: ImageShape) -> dict[str, nn.Module]:
    """A fresh generator and discriminator."""
    networks = {"generator": Generator(config, shape), "discriminator": Discriminator(config, shape)}
    for network in networks.values():
        xavier_init(network)
    if config.critic_norm == "spectral":
        normalise_spectra(networks["discriminator"])
    return networks


class Generator(LatentModel):
    """Latents (N, latent_dim), and labels (N,) where conditional, to images (N, C, R, R) in [-1, 1]."""

    def __init__(self, config: ResNetGAN, shape: ImageShape) -> None:
        super().__init__()
        widths = doubling_widths(config.width, shape.halvings + 1, config.max_width)[::-1]
        self.latent_dim, self.classes = config.latent_dim, shape.classes_if(config.conditional)
        self.precision = config.precision
        self.project = nn.Linear(config.latent_dim, 16 * widths[0])
        self.blocks = nn.ModuleList()
        for level, (inputs, outputs) in enumerate(pairwise(widths)):
            attends = 8 * 2**level in config.attention
            self.blocks.append(UpBlock(inputs, outputs, self.classes, attends))
        self.norm = Norm(widths[-1], 0)
        self.to_image = nn.Conv2d(widths[-1], shape.channels, 3, padding=1)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        with mixed_precision(latent.device, self.precision):
            x = self.project(latent).unflatten(1, (-1, 4, 4))  # (N, widths[0], 4, 4)
            for block in self.blocks:
                x = block(x, labels)  # twice the side each
            x = self.to_image(F.relu(self.norm(x, None)))
        return torch.tanh(x.float())


class Discriminator(nn.Module):
    """Images (N, C, R, R), and labels (N,) where conditional, to logits (N,): positive says real."""

    def __init__(self, config: ResNetGAN, shape: ImageShape) -> None:
        super().__init__()
        widths = doubling_widths(config.width, shape.halvings + 1, config.max_width)
        self.precision = config.precision
        self.blocks = nn.Sequential(DownBlock(shape.channels, widths[0], first=True))
        side, width = shape.resolution // 2, widths[0]
        if side in config.attention:
            self.blocks.append(SelfAttention(width))
        for outputs in widths[1:]:
            shrinks = side > 8
            self.blocks.append(DownBlock(width, outputs, shrinks=shrinks))
            side, width = side // 2 if shrinks else side, outputs
            if shrinks and side in config.attention:
                self.blocks.append(SelfAttention(width))
        self.logit = nn.Linear(width, 1)
        labels = shape.classes_if(config.conditional)
        self.label = nn.Embedding(labels, width) if labels else None
        if self.label is not None:
            nn.init.xavier_uniform_(self.label.weight)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        with mixed_precision(images.device, self.precision):
            x = self.blocks(images)
        features = F.relu(x.float()).mean((2, 3))  # (N, width)
        return projected(self.logit(features).squeeze(1), features, self.label, labels)


class UpBlock(nn.Module):
    """(N, inputs, s, s) to (N, outputs, 2s, 2s): nearest up-sampling inside a residual block."""

    def __init__(self, inputs: int, outputs: int, classes: int, attends: bool) -> None:
        super().__init__()
        self.first_norm, self.second_norm = Norm(inputs, classes), Norm(outputs, classes)
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1)
        self.attention = SelfAttention(outputs) if attends else nn.Identity()

    def forward(self, x: Tensor, labels: Tensor | None) -> Tensor:
        residual = self.first(enlarged(F.relu(self.first_norm(x, labels)), 2))
        residual = self.second(F.relu(self.second_norm(residual, labels)))
        shortcut = enlarged(self.shortcut(x), 2)  # a 1x1 convolution commutes with up-sampling
        return self.attention(residual + shortcut)


class DownBlock(nn.Module):
    """(N, inputs, s, s) to (N, outputs, s/2, s/2), or of the same side where it does not shrink.

    The first block of a discriminator sees images, so that it has no activation before its convolutions.
    """

    def __init__(self, inputs: int, outputs: int, *, first: bool = False, shrinks: bool = True) -> None:
        super().__init__()
        self.activates = not first
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if shrinks or inputs != outputs else nn.Identity()
        self.shrink = nn.AvgPool2d(2) if shrinks else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        residual = self.first(F.relu(x) if self.activates else x)
        return self.shrink(self.second(F.relu(residual))) + self.shortcut(self.shrink(x))


class SelfAttention(nn.Module):
    """Every place looks at all others; starts as the identity (SAGAN, arXiv:1805.08318, section 3)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inner = max(channels // 8, 1)
        self.query_key_value = nn.Conv2d(channels, 2 * self.inner + channels, 1)
        self.gain = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        n, channels, height, width = x.shape
        flat = self.query_key_value(x).flatten(2).transpose(1, 2)  # (N, HW, 2 inner + C)
        query, key, value = flat.split([self.inner, self.inner, channels], dim=2)
        weights = torch.softmax(query @ key.transpose(1, 2), dim=2)  # (N, HW, HW)
        return x + self.gain * (weights @ value).transpose(1, 2).reshape(n, channels, height, width)


def xavier_init(network: nn.Module) -> None:
    """Draw the weights of layers after Glorot and Bengio (2010); biases start at 0."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def normalise_spectra(network: nn.Module) -> None:
    """Divide every weight matrix by its largest singular value (SNGAN, arXiv:1802.05957, equation 8)."""
    for module in list(network.modules()):
        if isinstance(module, (nn.Conv2d, nn.Linear, nn.Embedding)):
            spectral_norm(module)
