"""The evidence lower bound of variational auto-encoders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor, nn

from gencompare.models.parts.lookup import require
from gencompare.models.vae import AutoEncoder
from gencompare.objectives.base import Batch, Objective
from gencompare.objectives.settings import Elbo


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) of each row in nats: (N, D) to (N,) (arXiv:1312.6114, appendix B)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(dim=1)


def squared_error(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Half the squared error summed over each image: -log N(x; reconstruction, 1) up to a constant, (N,)."""
    return 0.5 * (images - reconstructions).square().flatten(1).sum(dim=1)


def beta_after(images: int, config: Elbo) -> float:
    """The weight of the KL after so many training images."""
    if images >= 1000 * config.anneal_kimg:
        return config.beta
    return config.beta * images / (1000 * config.anneal_kimg)


class ElboObjective(Objective):
    """One step on reconstruction + beta KL, both summed over an image and averaged over the batch."""

    averaged = ("vae",)

    def __init__(self, networks: Mapping[str, nn.Module], config: Elbo) -> None:
        super().__init__(networks)
        self.vae = require(networks, "vae", AutoEncoder, "objective.name='elbo'")
        self.config = config

    def step(self, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        reconstructions, mean, log_variance = self.vae(batch.images)
        reconstruction = squared_error(batch.images, reconstructions).mean()
        kl = gaussian_kl(mean, log_variance).mean()
        self.metrics = {"reconstruction": reconstruction.detach(), "kl": kl.detach()}
        beta = beta_after(batch.index * len(batch.images), self.config)
        yield "vae", reconstruction + beta * kl
