"""What every generator of images from a latent vector is."""

from __future__ import annotations

from torch import Tensor, nn


class LatentModel(nn.Module):
    """A network that makes an image from one draw of a standard normal latent vector.

    Attributes:
        latent_dim: length of the latent vector.
        classes: how many labels it is conditioned on, 0 for none.
    """

    latent_dim: int
    classes: int = 0

    def generate(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Make float images (N, C, H, W) in [-1, 1] from latents (N, latent_dim) and labels int64 (N,)."""
        return self(latent, labels)
