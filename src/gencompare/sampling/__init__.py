"""Images from trained contenders, one way for all families: a sampler is a function from noise to images.

A sampler is a settings class with `sampler(networks, images)`, which makes it for trained networks; `base.load`
makes a `Contender` of saved weights and one of them, and `images` has all that can be made of a contender.
"""

from gencompare.sampling.settings import DDIM, DDPM, DPMSolver, Heun, Latent, Mixture, SamplerSettings

SAMPLERS: dict[str, type[SamplerSettings]] = {
    "latent": Latent,
    "mixture": Mixture,
    "ddim": DDIM,
    "ddpm": DDPM,
    "dpm_solver": DPMSolver,
    "heun": Heun,
}
