"""Images from trained contenders, one way for all families: a sampler is a function from noise to images."""

from gencompare.sampling.base import Contender, Sampler
from gencompare.sampling.diffusion import DDIM, DDPM
from gencompare.sampling.images import balanced_labels, interpolate, sample, trajectory
from gencompare.sampling.latent import Latent

SAMPLERS: dict[str, type[Sampler]] = {"latent": Latent, "ddim": DDIM, "ddpm": DDPM}

__all__ = ["SAMPLERS", "Contender", "Sampler", "balanced_labels", "interpolate", "sample", "trajectory"]
