"""Progressive GAN (Karras et al. 2017, arXiv:1710.10196): trained at 4 pixels a side, then 8, 16, ... in turn."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gencompare.models.gan_settings import ProgressiveGAN
from gencompare.models.parts.growing import WHOLE, Growing
from gencompare.models.parts.latent import LatentModel
from gencompare.models.parts.layers import enlarged, projected, shrunk
from gencompare.models.parts.precision import mixed_precision
from gencompare.models.parts.shape import ImageShape
from gencompare.models.parts.widths import doubling_widths


def networks(config: ProgressiveGAN, shape: ImageShape) -> dict[str, nn.Module]:
    """A fresh generator and discriminator."""
    return {"generator": Generator(config, shape), "discriminator": Discriminator(config, shape)}


class Generator(Growing, LatentModel):
    """Latents (N, latent_dim) to images (N, C, r, r) in [-1, 1], r the stage's resolution."""

    def __init__(self, config: ProgressiveGAN, shape: ImageShape) -> None:
        super().__init__(shape.resolution, config.growth, config.lr_scales, config.fade, config.transfer)
        widths = doubling_widths(config.width, shape.halvings + 1, config.max_width)[::-1]
        self.latent_dim, self.classes = config.latent_dim, shape.classes_if(config.conditional)
        self.precision = config.precision
        self.label = nn.Embedding(self.classes, config.latent_dim) if self.classes else None
        inputs = config.latent_dim * (2 if self.classes else 1)
        self.project = EqualLinear(inputs, 16 * widths[0], gain=math.sqrt(2) / 4)
        self.first = EqualConv2d(widths[0], widths[0], 3)
        self.blocks = nn.ModuleList(UpBlock(*pair) for pair in pairwise(widths))
        self.to_image = nn.ModuleList(EqualConv2d(width, shape.channels, 1, gain=1.0) for width in widths)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        with mixed_precision(latent.device, self.precision):
            return self._forward(latent, labels)

    def _forward(self, latent: Tensor, labels: Tensor | None) -> Tensor:
        stage = self.stage
        x = _pixel_norm(latent)
        if self.label is not None:
            assert labels is not None, "a conditional generator needs labels"
            x = torch.cat([x, _pixel_norm(self.label(labels))], dim=1)
        x = _activated(self.project(x).unflatten(1, (-1, 4, 4)))  # (N, widths[0], 4, 4)
        x = _activated(self.first(x))
        below = x
        for level in range(stage.level):
            below, x = x, self.blocks[level](x)  # (N, width, r, r)
        image = torch.tanh(self.to_image[stage.level](x).float())
        if stage.fade == WHOLE:
            return image
        coarse = torch.tanh(self.to_image[stage.level - 1](below).float())
        return torch.lerp(enlarged(coarse, 2), image, stage.alpha)

    def generate(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images at the full resolution (N, C, R, R), whatever the stage."""
        return enlarged(self(latent, labels), 2 ** (self.levels - 1 - self.stage.level))


class Discriminator(Growing):
    """Images (N, C, R, R) to numbers (N,): the higher, the more real.

    It shrinks images to its stage's resolution by itself, so that a gradient penalty on them measures with the
    same yardstick at every stage.
    """

    def __init__(self, config: ProgressiveGAN, shape: ImageShape) -> None:
        super().__init__(shape.resolution, config.growth, config.lr_scales, config.fade, config.transfer)
        self.precision = config.precision
        widths = doubling_widths(config.width, shape.halvings + 1, config.max_width)[::-1]
        self.from_image = nn.ModuleList(EqualConv2d(shape.channels, width, 1) for width in widths)
        self.blocks = nn.ModuleList(DownBlock(width, below) for below, width in pairwise(widths))
        self.last = EqualConv2d(widths[0] + 1, widths[0], 3)
        self.features = EqualLinear(16 * widths[0], widths[0])
        self.logit = EqualLinear(widths[0], 1, gain=1.0)
        labels = shape.classes_if(config.conditional)
        self.label = nn.Embedding(labels, widths[0]) if labels else None

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        with mixed_precision(images.device, self.precision):
            return self._forward(images, labels).float()

    def _forward(self, images: Tensor, labels: Tensor | None) -> Tensor:
        stage = self.stage
        x = shrunk(images, 2 ** (self.levels - 1 - stage.level))  # (N, C, r, r)
        seen, x = x, F.leaky_relu(self.from_image[stage.level](x), 0.2)
        for level in reversed(range(stage.level)):
            x = self.blocks[level](x)  # half the side each
            if level == stage.level - 1 and stage.fade < WHOLE:
                old = F.leaky_relu(self.from_image[level](shrunk(seen, 2)), 0.2)
                x = torch.lerp(old, x, stage.alpha)
        x = torch.cat([x, _minibatch_deviation(x)], dim=1)  # (N, widths[0] + 1, 4, 4)
        x = F.leaky_relu(self.last(x), 0.2)
        x = F.leaky_relu(self.features(x.flatten(1)), 0.2)  # (N, widths[0])
        return projected(self.logit(x).squeeze(1), x / math.sqrt(x.shape[1]), self.label, labels)


class UpBlock(nn.Module):
    """(N, inputs, s, s) to (N, outputs, 2s, 2s)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first, self.second = EnlargingConv2d(inputs, outputs, 3), EqualConv2d(outputs, outputs, 3)

    def forward(self, x: Tensor) -> Tensor:
        return _activated(self.second(_activated(self.first(x))))


class DownBlock(nn.Module):
    """(N, inputs, s, s) to (N, outputs, s/2, s/2)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first, self.second = EqualConv2d(inputs, inputs, 3), ShrinkingConv2d(inputs, outputs, 3)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.second(F.leaky_relu(self.first(x), 0.2)), 0.2)


class EqualConv2d(nn.Conv2d):
    """A convolution that keeps its sides, with He's constant applied at run time (section 4.1).

    Weights are drawn from N(0, 1), so that all have the same dynamic range and Adam the same effective rate.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, gain: float = math.sqrt(2)) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2)
        self.scale = _start_equal(self, gain)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.scale, self.bias, padding=self.kernel_size[0] // 2)


class EnlargingConv2d(EqualConv2d):
    """Twice the side by nearest neighbours, then a 3 x 3 convolution: in one, at 16/36 of the cost.

    As in the authors' own networks (tkarras/progressive_growing_of_gans, `fused_scale`).
    """

    def forward(self, x: Tensor) -> Tensor:
        kernel = 4 * _blurred(self.weight * self.scale).flip(2, 3).transpose(0, 1)
        return F.conv_transpose2d(x, kernel, self.bias, stride=2, padding=1)


class ShrinkingConv2d(EqualConv2d):
    """A 3 x 3 convolution, then means of 2 x 2: in one, at 16/36 of the cost."""

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, _blurred(self.weight * self.scale), self.bias, stride=2, padding=1)


class EqualLinear(nn.Linear):
    """A linear layer with He's constant applied at run time (section 4.1)."""

    def __init__(self, inputs: int, outputs: int, gain: float = math.sqrt(2)) -> None:
        super().__init__(inputs, outputs)
        self.scale = _start_equal(self, gain)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.scale, self.bias)


def _start_equal(layer: nn.Conv2d | nn.Linear, gain: float) -> float:
    """Draw weights from N(0, 1), set biases to 0 and return the layer's constant: gain / sqrt(fan in)."""
    nn.init.normal_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return gain / math.sqrt(layer.weight[0].numel())


def _blurred(weight: Tensor) -> Tensor:
    """Kernels (..., 3, 3) followed by a mean over 2 x 2: kernels (..., 4, 4)."""
    return F.avg_pool2d(F.pad(weight, (1, 1, 1, 1)), 2, stride=1)


def _pixel_norm(x: Tensor) -> Tensor:
    """Scale each pixel's feature vector to mean square 1 (section 4.2)."""
    return x * torch.rsqrt(x.square().mean(dim=1, keepdim=True) + 1e-8).to(x.dtype)


def _activated(x: Tensor) -> Tensor:
    return _pixel_norm(F.leaky_relu(x, 0.2))


def _minibatch_deviation(x: Tensor) -> Tensor:
    """The mean over features and places of the batch's standard deviations, as a map (N, 1, H, W) (section 3)."""
    variance = x.var(dim=0, correction=0)
    mean = (variance + 1e-8).sqrt().mean()
    return mean.expand(len(x), 1, *x.shape[2:])
