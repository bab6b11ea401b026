"""The losses. An objective is a settings class with `objective(networks)`, which gives the loop its steps."""

from gencompare.objectives.settings import LSGAN, WGANGP, Denoising, Elbo, Hinge, Vanilla

OBJECTIVES: dict[str, type] = {
    "vanilla": Vanilla,
    "lsgan": LSGAN,
    "hinge": Hinge,
    "wgan_gp": WGANGP,
    "elbo": Elbo,
    "denoising": Denoising,
}
