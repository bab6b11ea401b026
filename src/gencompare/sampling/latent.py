"""Samplers of models that make an image in one evaluation from a latent vector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gencompare.imagesets.arrays import drawn, to_network
from gencompare.models.parts.latent import LatentModel
from gencompare.models.parts.lookup import only
from gencompare.models.vae import AutoEncoder
from gencompare.sampling.base import Sampler, Streams
from gencompare.sampling.settings import Mixture


class LatentSampler(Sampler):
    """A sampler of a `LatentModel`. Its path goes straight from z = 0, the latent mean.

    Raises:
        SettingError: where there is no one such network.
    """

    name = "latent"
    nfe = 1

    def __init__(self, networks: Mapping[str, nn.Module]) -> None:
        super().__init__(networks)
        self.model = only(networks, LatentModel, f"sampler.name={self.name!r}")
        self.noise_shape, self.classes = (self.model.latent_dim,), self.model.classes
        self.inverts = isinstance(self.model, AutoEncoder)

    def path(self, noise: Tensor, labels: Tensor | None, streams: Streams, frames: int) -> Iterator[Tensor]:
        latent = self.latent(noise)
        for scale in torch.linspace(0.0, 1.0, frames).tolist() if frames > 1 else [1.0]:
            yield self.model.generate(scale * latent, labels)

    def invert(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """The mean of a VAE's posterior."""
        return only(self.networks, AutoEncoder, f"sampler.name={self.name!r}").encode(images)[0]

    def latent(self, noise: Tensor) -> Tensor:
        """The latent (N, latent_dim) that stands for this noise (N, *noise_shape)."""
        return noise


class MixtureSampler(LatentSampler):
    """A sampler of a VAE by a mixture of K Gaussians over its latents. The noise's first number picks one of them.

    Args:
        bounds: float32 (K - 1,), the cumulated weights between the Gaussians.
        means: float32 (K, latent_dim).
        factors: float32 (K, latent_dim, latent_dim), Cholesky factors of the covariances.
    """

    name = "mixture"

    def __init__(
        self, networks: Mapping[str, nn.Module], bounds: Tensor, means: Tensor, factors: Tensor
    ) -> None:
        super().__init__(networks)
        self.noise_shape = (self.model.latent_dim + 1,)
        self.bounds, self.means, self.factors = bounds, means, factors

    def latent(self, noise: Tensor) -> Tensor:
        picked = torch.bucketize(torch.special.ndtr(noise[:, 0]), self.bounds.to(noise.device))
        means, factors = self.means.to(noise.device)[picked], self.factors.to(noise.device)[picked]
        return means + torch.einsum("nij,nj->ni", factors, noise[:, 1:])

    def invert(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """The noise of the mean of a VAE's posterior, in the Gaussian that most likely made it."""
        codes = super().invert(images, labels)
        means, factors = self.means.to(codes.device), self.factors.to(codes.device)
        edges = F.pad(F.pad(self.bounds, (1, 0), value=0.0), (0, 1), value=1.0).to(codes.device)  # (K + 1,)
        centred = codes[:, None] - means  # (N, K, latent_dim)
        white = torch.linalg.solve_triangular(factors, centred.permute(1, 2, 0), upper=False).permute(2, 0, 1)
        log_density = -0.5 * white.square().sum(2) - factors.diagonal(dim1=1, dim2=2).log().sum(1)
        likeliest = (log_density + edges.diff().log()).argmax(dim=1)  # (N,)
        picks = torch.special.ndtri((edges[likeliest] + edges[likeliest + 1]) / 2)
        return torch.cat([picks[:, None], white[torch.arange(len(codes)), likeliest]], dim=1)


def fit_mixture(config: Mixture, networks: Mapping[str, nn.Module], images: np.ndarray) -> dict[str, Tensor]:
    """Fit a mixture to the codes of training images, uint8 (N, H, W, C): what `MixtureSampler` takes.

    Raises:
        SettingError: where there is no one VAE, or fewer images than components.
    """
    from sklearn.mixture import GaussianMixture  # takes seconds, and few commands fit one

    vae = only(networks, AutoEncoder, "sampler.name='mixture'")
    config.check_count(len(images))
    codes = _codes(vae, images[drawn(config.images, len(images))])
    mixture = GaussianMixture(config.components, reg_covar=1e-4, random_state=0).fit(codes)
    return {
        "bounds": torch.from_numpy(np.cumsum(mixture.weights_)[:-1]).float(),
        "means": torch.from_numpy(mixture.means_).float(),
        "factors": torch.from_numpy(np.linalg.cholesky(mixture.covariances_)).float(),
    }


@torch.inference_mode()
def _codes(vae: AutoEncoder, images: np.ndarray) -> np.ndarray:
    """Posterior means: float64 (N, latent_dim)."""
    device = next(vae.parameters()).device
    starts = range(0, len(images), 256)
    codes = [vae.eval().encode(to_network(images[start : start + 256]).to(device))[0] for start in starts]
    return torch.cat(codes).double().cpu().numpy()
