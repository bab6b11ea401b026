"""Adversarial objectives: losses as functions of the discriminator's logits, and the steps that use them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gencompare.models.blocks import LatentModel, require
from gencompare.objectives.base import Batch, Objective
from gencompare.typed import settings


def vanilla_discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """-E[log D(x)] - E[log(1 - D(G(z)))] from logits (N,) (GAN, arXiv:1406.2661, equation 1)."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def vanilla_generator_loss(fake: Tensor) -> Tensor:
    """The non-saturating -E[log D(G(z))] from logits (N,) (GAN, arXiv:1406.2661, section 3)."""
    return F.softplus(-fake).mean()


@settings
class Vanilla:
    """The original GAN with the non-saturating generator loss."""

    def objective(self, networks: Mapping[str, nn.Module]) -> Objective:
        return Adversarial(networks)


class Adversarial(Objective):
    """One discriminator step, then one generator step against the updated discriminator."""

    averaged = ("generator",)

    def __init__(self, networks: Mapping[str, nn.Module]) -> None:
        super().__init__(networks)
        self.generator = require(networks, "generator", LatentModel, "objective.name='vanilla'")
        self.discriminator = require(networks, "discriminator", nn.Module, "objective.name='vanilla'")

    def step(self, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        latent = torch.randn(len(batch.images), self.generator.latent_dim, device=batch.images.device)
        fake_images = self.generator.generate(latent, batch.labels)
        real, fake = self.discriminator(batch.images), self.discriminator(fake_images.detach())
        self.metrics = {"d_real": real.detach().sigmoid().mean(), "d_fake": fake.detach().sigmoid().mean()}
        yield "discriminator", vanilla_discriminator_loss(real, fake)
        with frozen(self.discriminator):
            loss = vanilla_generator_loss(self.discriminator(fake_images))
        yield "generator", loss


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Build a graph through a network without its weights' gradients, which would be thrown away."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)
