"""Images from trained contenders, one way for all families: a sampler is a function from noise to images.

A sampler is a settings class with `sampler(networks, shape, images)`, which makes it of trained networks; `base.load`
makes one of saved weights, and `images` has all that can be made with it.
"""

from gencompare.sampling.settings import (
    DDIM,
    DDPM,
    Autoregressive,
    Consistency,
    DPMSolver,
    Euler,
    Heun,
    Latent,
    Midpoint,
    Mixture,
    SamplerSettings,
)

SAMPLERS: dict[str, type[SamplerSettings]] = {
    "latent": Latent,
    "mixture": Mixture,
    "autoregressive": Autoregressive,
    "ddim": DDIM,
    "ddpm": DDPM,
    "dpm_solver": DPMSolver,
    "heun": Heun,
    "euler": Euler,
    "midpoint": Midpoint,
    "consistency": Consistency,
}
