"""Convolutional variational auto-encoder (Kingma and Welling 2013, arXiv:1312.6114)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from gencompare.models.parts.latent import LatentModel
from gencompare.models.parts.precision import mixed_precision
from gencompare.models.parts.shape import SMALLEST, ImageShape
from gencompare.models.parts.widths import doubling_widths
from gencompare.models.settings import VAE


def networks(config: VAE, shape: ImageShape) -> dict[str, nn.Module]:
    """A fresh auto-encoder."""
    return {"vae": AutoEncoder(config, shape)}


class AutoEncoder(LatentModel):
    """`encode` gives the posterior q(z|x), `decode` the mean of p(x|z)."""

    def __init__(self, config: VAE, shape: ImageShape) -> None:
        super().__init__()
        self.latent_dim, self.precision = config.latent_dim, config.precision
        widths = doubling_widths(config.width, shape.halvings, config.max_width)
        down: list[nn.Module] = []
        for inputs, outputs in pairwise([shape.channels, *widths]):
            down += [nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.SiLU()]
        head: nn.Module
        stem: nn.Module
        if config.code == "vector":
            self.code_shape = (config.latent_dim, 1, 1)
            head = nn.Conv2d(widths[-1], 2 * config.latent_dim, 4)
            stem = nn.ConvTranspose2d(config.latent_dim, widths[-1], 4)
        else:
            self.code_shape = (config.latent_dim // SMALLEST**2, SMALLEST, SMALLEST)
            head = nn.Conv2d(widths[-1], 2 * self.code_shape[0], 1)
            stem = nn.Conv2d(self.code_shape[0], widths[-1], 3, padding=1)
        self.encoder = nn.Sequential(*down, head)  # (N, 2 code_shape[0], *code_shape[1:])
        up: list[nn.Module] = [stem]  # (N, widths[-1], 4, 4)
        for inputs, outputs in pairwise(widths[::-1]):
            up += [
                nn.BatchNorm2d(inputs),
                nn.SiLU(),
                nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False),
            ]
        up += [nn.BatchNorm2d(widths[0]), nn.SiLU(), nn.ConvTranspose2d(widths[0], shape.channels, 4, 2, 1)]
        self.decoder = nn.Sequential(*up, nn.Tanh())  # (N, C, R, R)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images (N, C, R, R) to the posterior's mean and log-variance, each (N, latent_dim)."""
        with mixed_precision(images.device, self.precision):
            features = torch.flatten(self.encoder(images), 1).float()
        mean, log_variance = features.chunk(2, dim=1)
        return mean, log_variance.clamp(-20.0, 10.0)

    def decode(self, latent: Tensor) -> Tensor:
        """Latents (N, latent_dim) to images (N, C, R, R) in [-1, 1]."""
        with mixed_precision(latent.device, self.precision):
            return self.decoder(latent.unflatten(1, self.code_shape)).float()

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Images to one posterior draw's reconstruction, and the posterior's mean and log-variance."""
        mean, log_variance = self.encode(images)
        latent = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        return self.decode(latent), mean, log_variance

    def generate(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.decode(latent)
