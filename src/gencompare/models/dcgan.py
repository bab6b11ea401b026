"""DCGAN (Radford, Metz and Chintala 2015, arXiv:1511.06434): strided convolutions only, no dense layer."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gencompare.models.gan_settings import DCGAN
from gencompare.models.parts.latent import LatentModel
from gencompare.models.parts.layers import Norm, he_init, normal_init, projected
from gencompare.models.parts.precision import mixed_precision
from gencompare.models.parts.shape import ImageShape
from gencompare.models.parts.widths import doubling_widths


def networks(config: DCGAN, shape: ImageShape) -> dict[str, nn.Module]:
    """A fresh generator and discriminator."""
    return {"generator": Generator(config, shape), "discriminator": Discriminator(config, shape)}


class Generator(LatentModel):
    """Latents (N, latent_dim), and labels (N,) where conditional, to images (N, C, R, R) in [-1, 1]."""

    def __init__(self, config: DCGAN, shape: ImageShape) -> None:
        super().__init__()
        self.latent_dim, self.classes = config.latent_dim, shape.classes_if(config.conditional)
        self.precision = config.precision
        widths = doubling_widths(config.width, shape.halvings, config.max_width)[::-1]
        self.layers = nn.ModuleList([nn.ConvTranspose2d(config.latent_dim, widths[0], 4, bias=False)])
        for inputs, outputs in pairwise(widths):
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


class Discriminator(nn.Module):
    """Images (N, C, R, R), and labels (N,) where conditional, to logits (N,): positive says real."""

    def __init__(self, config: DCGAN, shape: ImageShape) -> None:
        super().__init__()
        self.precision = config.precision
        widths = doubling_widths(config.width, shape.halvings, config.max_width)
        layers: list[nn.Module] = [nn.Conv2d(shape.channels, widths[0], 4, 2, 1), nn.LeakyReLU(0.2)]
        for inputs, outputs in pairwise(widths):
            normalised = config.critic_norm == "batch"
            layers.append(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=not normalised))
            layers += [nn.BatchNorm2d(outputs)] * normalised + [nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers)  # (N, widths[-1], 4, 4)
        self.logit = nn.Conv2d(widths[-1], 1, 4)  # (N, 1, 1, 1)
        labels = shape.classes_if(config.conditional)
        self.label = nn.Embedding(labels, widths[-1]) if labels else None
        if config.critic_norm == "none":
            gain = nn.init.calculate_gain("leaky_relu", 0.2)
            for layer in self.modules():
                if isinstance(layer, nn.Conv2d):
                    he_init(layer, gain)
        else:
            normal_init(self)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        with mixed_precision(images.device, self.precision):
            x = self.layers(images)
            logit = torch.flatten(self.logit(x)).float()
        return projected(logit, x.float().mean((2, 3)), self.label, labels)
