"""The VQ-VAE's two losses (van den Oord et al. 2017, arXiv:1711.00937)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gencompare.models.parts.lookup import require
from gencompare.models.vq_vae import AutoEncoder, Prior
from gencompare.objectives.base import Batch, Objective
from gencompare.objectives.settings import VQ


def codes_in_use(codes: Tensor, of: int) -> Tensor:
    """The perplexity of codes (N,) out of `of`: how many they would be if all were used alike, 1 to `of`."""
    shares = torch.bincount(codes, minlength=of) / len(codes)
    return torch.special.entr(shares).sum().exp()


class VQObjective(Objective):
    """Reconstruction and commitment (equation 3) for the auto-encoder's share of the budget, then its codes' likelihood.

    The codebook is not learnt by gradients but as running means (appendix A.1). Metrics of the first stage:
    `reconstruction`, the mean squared error; `codes_in_use` (see there). The second stage's loss is in nats a code.
    """

    averaged = ("autoencoder", "prior")

    def __init__(self, networks: Mapping[str, nn.Module], config: VQ) -> None:
        super().__init__(networks)
        self.autoencoder = require(networks, "autoencoder", AutoEncoder, "objective.name='vq'")
        self.prior = require(networks, "prior", Prior, "objective.name='vq'")
        self.config = config
        self.coded = False

    def advance(self, progress: float) -> bool:
        before, self.coded = self.coded, progress >= self.config.autoencoder
        left = 2.0 * (
            1.0 - progress / self.config.autoencoder
        )  # of the second half of the auto-encoder's share
        self.lr_scale = 1.0 if self.coded else min(1.0, left)
        return self.coded != before

    def step(self, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        if self.coded:
            yield "prior", self._prior_loss(batch)
        else:
            yield "autoencoder", self._autoencoder_loss(batch.images)

    def _autoencoder_loss(self, images: Tensor) -> Tensor:
        found = self.autoencoder(images)
        codebook = self.autoencoder.codebook
        codebook.learn(found.features.detach(), found.codes)
        reconstruction = F.mse_loss(found.reconstructions, images)
        used = codes_in_use(found.codes, len(codebook.vectors))
        self.metrics = {"reconstruction": reconstruction.detach(), "codes_in_use": used}
        return reconstruction + self.config.commitment * F.mse_loss(found.features, found.nearest)

    def _prior_loss(self, batch: Batch) -> Tensor:
        self.metrics = {}
        with torch.no_grad():
            codes = self.autoencoder.encode(batch.images)
        logits = self.prior(codes, batch.labels if self.prior.classes else None)
        return F.cross_entropy(logits.flatten(0, 1), codes.flatten())
