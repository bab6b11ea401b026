"""Samplers of models that make an image in one evaluation from a latent vector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.mixture import GaussianMixture
from torch import Tensor, nn
from torch.nn import functional as F

from gencompare.config.typed import SettingError
from gencompare.imagesets.arrays import to_network
from gencompare.models.parts.latent import LatentModel
from gencompare.models.parts.lookup import only
from gencompare.models.parts.shape import ImageShape
from gencompare.models.vae import AutoEncoder
from gencompare.sampling.base import Sampler, Streams
from gencompare.sampling.settings import Mixture


class LatentSampler(Sampler):
    """A sampler of `LatentModel` networks. Its path goes straight from z = 0, the latent mean."""

    name = "latent"

    def check(self, networks: Mapping[str, nn.Module]) -> None:
        self.model(networks)

    def classes(self, networks: Mapping[str, nn.Module]) -> int:
        return self.model(networks).classes

    def noise_shape(self, networks: Mapping[str, nn.Module], shape: ImageShape) -> tuple[int, ...]:
        return (self.model(networks).latent_dim,)

    def path(
        self,
        networks: Mapping[str, nn.Module],
        noise: Tensor,
        labels: Tensor | None,
        streams: Streams,
        frames: int,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        model, latent = self.model(networks), self.latent(noise)
        for scale in torch.linspace(0.0, 1.0, frames).tolist() if frames > 1 else [1.0]:
            images = model.generate(scale * latent, labels)
            yield images, images

    def nfe(self, networks: Mapping[str, nn.Module]) -> int:
        return 1

    def inverts(self, networks: Mapping[str, nn.Module]) -> bool:
        return any(isinstance(network, AutoEncoder) for network in networks.values())

    def invert(self, networks: Mapping[str, nn.Module], images: Tensor, labels: Tensor | None) -> Tensor:
        """The mean of a VAE's posterior."""
        return _auto_encoder(networks, self.name).encode(images)[0]

    def model(self, networks: Mapping[str, nn.Module]) -> LatentModel:
        """The network to sample from."""
        return only(networks, LatentModel, f"sampler.name={self.name!r}")

    def latent(self, noise: Tensor) -> Tensor:
        """The latent (N, latent_dim) that stands for this noise (N, *noise_shape)."""
        return noise


class MixtureSampler(LatentSampler):
    """A sampler of latents from a mixture. It must be `fitted` to training images before it samples."""

    name = "mixture"

    def __init__(self, config: Mixture) -> None:
        self.config = config

    def check(self, networks: Mapping[str, nn.Module]) -> None:
        _auto_encoder(networks, self.name)

    def fitted(self, networks: Mapping[str, nn.Module], images: np.ndarray) -> Sampler:
        if len(images) < self.config.components:
            raise SettingError(
                f"sampler.components={self.config.components}: at most the {len(images)} training images"
            )
        codes = _codes(_auto_encoder(networks, self.name), images[: self.config.images])
        mixture = GaussianMixture(self.config.components, reg_covar=1e-4, random_state=0).fit(codes)
        return FittedMixture(
            bounds=torch.from_numpy(np.cumsum(mixture.weights_)[:-1]).float(),
            means=torch.from_numpy(mixture.means_).float(),
            factors=torch.from_numpy(np.linalg.cholesky(mixture.covariances_)).float(),
        )

    def latent(self, noise: Tensor) -> Tensor:
        raise SettingError("sampler.name='mixture': must be fitted to training images before it samples")


@dataclass(frozen=True)
class FittedMixture(LatentSampler):
    """A `MixtureSampler` of K Gaussians over latents. The first number of the noise picks the Gaussian.

    Attributes:
        bounds: float32 (K - 1,), the cumulated weights between the Gaussians.
        means: float32 (K, latent_dim).
        factors: float32 (K, latent_dim, latent_dim), Cholesky factors of the covariances.
    """

    name = "mixture"
    bounds: Tensor
    means: Tensor
    factors: Tensor

    def noise_shape(self, networks: Mapping[str, nn.Module], shape: ImageShape) -> tuple[int, ...]:
        return (self.means.shape[1] + 1,)

    def latent(self, noise: Tensor) -> Tensor:
        picked = torch.bucketize(torch.special.ndtr(noise[:, 0]), self.bounds.to(noise.device))
        means, factors = self.means.to(noise.device)[picked], self.factors.to(noise.device)[picked]
        return means + torch.einsum("nij,nj->ni", factors, noise[:, 1:])

    def invert(self, networks: Mapping[str, nn.Module], images: Tensor, labels: Tensor | None) -> Tensor:
        """The noise of the mean of a VAE's posterior, in the Gaussian that most likely made it."""
        codes = _auto_encoder(networks, self.name).encode(images)[0]
        means, factors = self.means.to(codes.device), self.factors.to(codes.device)
        edges = F.pad(F.pad(self.bounds, (1, 0), value=0.0), (0, 1), value=1.0).to(codes.device)  # (K + 1,)
        centred = codes[:, None] - means  # (N, K, latent_dim)
        white = torch.linalg.solve_triangular(factors, centred.permute(1, 2, 0), upper=False).permute(2, 0, 1)
        log_density = -0.5 * white.square().sum(2) - factors.diagonal(dim1=1, dim2=2).log().sum(1)
        likeliest = (log_density + edges.diff().log()).argmax(dim=1)  # (N,)
        picks = torch.special.ndtri((edges[likeliest] + edges[likeliest + 1]) / 2)
        return torch.cat([picks[:, None], white[torch.arange(len(codes)), likeliest]], dim=1)


def _auto_encoder(networks: Mapping[str, nn.Module], sampler: str) -> AutoEncoder:
    return only(networks, AutoEncoder, f"sampler.name={sampler!r}")


@torch.inference_mode()
def _codes(vae: AutoEncoder, images: np.ndarray) -> np.ndarray:
    """Posterior means: float64 (N, latent_dim)."""
    device = next(vae.parameters()).device
    starts = range(0, len(images), 256)
    codes = [vae.eval().encode(to_network(images[start : start + 256]).to(device))[0] for start in starts]
    return torch.cat(codes).double().cpu().numpy()
