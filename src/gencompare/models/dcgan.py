"""DCGAN (Radford, Metz and Chintala 2015, arXiv:1511.06434): strided convolutions only, no dense layer."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gencompare.config.typed import Positive, settings
from gencompare.models.blocks import (
    LatentModel,
    Norm,
    Precision,
    check_labels,
    check_resolution,
    mixed_precision,
    normal_init,
    projected,
)
from gencompare.models.shape import ImageShape


@settings
class DCGAN:
    """A generator of transposed convolutions against a discriminator of strided ones.

    Attributes:
        latent_dim: length of the latent vector.
        width: channels at half the final resolution; doubled at every halving down to 4 pixels.
        max_width: where the doubling stops.
        critic_norm: normalisation in the discriminator: none for `wgan_gp`.
        conditional: whether it takes the image set's labels: by conditional batch normalisation in the
            generator (arXiv:1610.07629), by projection in the discriminator (arXiv:1802.05637).
        precision: of the convolutions; auto is bfloat16 where that is fast.
    """

    latent_dim: Positive = 64
    width: Positive = 32
    max_width: Positive = 256
    critic_norm: Literal["batch", "none"] = "batch"
    conditional: bool = False
    precision: Precision = "auto"

    def check(self, shape: ImageShape) -> None:
        check_resolution(shape, "dcgan")
        check_labels(shape, self.conditional)

    def networks(self, shape: ImageShape) -> dict[str, nn.Module]:
        return {"generator": Generator(self, shape), "discriminator": Discriminator(self, shape)}

    def widths(self, shape: ImageShape) -> list[int]:
        """Channels at 4, 8, ... up to half the resolution."""
        levels = shape.resolution.bit_length() - 3
        return [min(self.width * 2**level, self.max_width) for level in reversed(range(levels))]

    def classes(self, shape: ImageShape) -> int:
        return shape.classes if self.conditional else 0


class Generator(LatentModel):
    """Latents (N, latent_dim), and labels (N,) where conditional, to images (N, C, R, R) in [-1, 1]."""

    def __init__(self, config: DCGAN, shape: ImageShape) -> None:
        super().__init__()
        self.latent_dim, self.classes = config.latent_dim, config.classes(shape)
        self.precision = config.precision
        widths = config.widths(shape)
        self.layers = nn.ModuleList([nn.ConvTranspose2d(config.latent_dim, widths[0], 4, bias=False)])
        for inputs, outputs in zip(widths, widths[1:], strict=False):
            self.layers.append(nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False))
        self.norms = nn.ModuleList([Norm(width, self.classes) for width in widths])
        self.to_image = nn.ConvTranspose2d(widths[-1], shape.channels, 4, 2, 1)
        normal_init(self)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        with mixed_precision(latent.device, self.precision):
            x = latent[:, :, None, None]
            for layer, norm in zip(self.layers, self.norms, strict=True):
                x = F.relu(norm(layer(x), labels))  # 4 places a side, then twice as many each
            return torch.tanh(self.to_image(x)).float()  # (N, C, R, R)

    def generate(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        return self(latent, labels)


class Discriminator(nn.Module):
    """Images (N, C, R, R), and labels (N,) where conditional, to logits (N,): positive says real."""

    def __init__(self, config: DCGAN, shape: ImageShape) -> None:
        super().__init__()
        self.precision = config.precision
        widths, classes = config.widths(shape)[::-1], config.classes(shape)
        layers: list[nn.Module] = [nn.Conv2d(shape.channels, widths[0], 4, 2, 1), nn.LeakyReLU(0.2)]
        for inputs, outputs in zip(widths, widths[1:], strict=False):
            normalised = config.critic_norm == "batch"
            layers.append(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=not normalised))
            layers += [nn.BatchNorm2d(outputs)] * normalised + [nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers)  # (N, widths[-1], 4, 4)
        self.logit = nn.Conv2d(widths[-1], 1, 4)  # (N, 1, 1, 1)
        self.label = nn.Embedding(classes, widths[-1]) if classes else None
        normal_init(self)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        with mixed_precision(images.device, self.precision):
            x = self.layers(images)
            logit = torch.flatten(self.logit(x)).float()
        return projected(logit, x.float().mean((2, 3)), self.label, labels)
