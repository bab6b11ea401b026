"""The losses. An objective is a settings class with `objective(networks)`, which gives the loop its steps."""

from gencompare.objectives.adversarial import LSGAN, WGANGP, Hinge, Vanilla
from gencompare.objectives.denoising import Denoising
from gencompare.objectives.evidence import Evidence

OBJECTIVES: dict[str, type] = {
    "vanilla": Vanilla,
    "lsgan": LSGAN,
    "hinge": Hinge,
    "wgan_gp": WGANGP,
    "evidence": Evidence,
    "denoising": Denoising,
}
