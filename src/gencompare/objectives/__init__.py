"""The losses. An objective is a settings class with `objective(networks)`, which gives the loop its steps."""

from gencompare.objectives.settings import (
    LSGAN,
    R3GAN,
    VQ,
    WGANGP,
    Consistency,
    Denoising,
    Elbo,
    Hinge,
    Vanilla,
)

OBJECTIVES: dict[str, type] = {
    "vanilla": Vanilla,
    "lsgan": LSGAN,
    "hinge": Hinge,
    "wgan_gp": WGANGP,
    "r3gan": R3GAN,
    "elbo": Elbo,
    "vq": VQ,
    "denoising": Denoising,
    "consistency": Consistency,
}
