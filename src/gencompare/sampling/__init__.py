"""Images from trained contenders, one way for all families: a sampler is a function from noise to images.

A sampler is a settings class derived from `Sampler`; `load` makes a `Contender` of saved weights and one of them.
"""

from gencompare.sampling.base import Contender, Sampler, load
from gencompare.sampling.diffusion import DDIM, DDPM, DPMSolver, Heun
from gencompare.sampling.images import (
    balanced_labels,
    forward_trajectory,
    interpolate,
    interpolate_real,
    reconstruct,
    sample,
    trajectory,
)
from gencompare.sampling.latent import Latent, Mixture

SAMPLERS: dict[str, type[Sampler]] = {cls.name: cls for cls in (Latent, Mixture, DDIM, DDPM, DPMSolver, Heun)}

__all__ = [
    "SAMPLERS",
    "Contender",
    "Sampler",
    "balanced_labels",
    "forward_trajectory",
    "interpolate",
    "interpolate_real",
    "load",
    "reconstruct",
    "sample",
    "trajectory",
]
