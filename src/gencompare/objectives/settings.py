"""The objectives' settings. Nothing here imports torch before it makes an objective."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import Field

from gencompare.config.typed import (
    Fraction,
    NonNegativeFloat,
    Positive,
    PositiveFloat,
    SettingError,
    settings,
)

if TYPE_CHECKING:
    from torch import nn

    from gencompare.objectives.base import Objective

Augmentation = Literal["color", "translation", "cutout"]


@settings
class Adversarial:
    """What all adversarial objectives share.

    Attributes:
        n_critic: discriminator steps for one generator step. A batch is split into as many parts, one for
            each discriminator step, so that every real image is seen, and counted, once; the generator learns
            from as many fakes as a part holds.
        augment: differentiable augmentations of all that the discriminator sees, for small image sets.
        r1: weight of the R1 penalty on the discriminator, 0 leaves it out. It keeps a pair from circling
            around its equilibrium (arXiv:1801.04406): worth a try, at 1 to 10, where losses swing ever wider or
            a discriminator outruns its generator. It costs a second backward pass a discriminator step.
        penalty_every: steps from one gradient penalty to the next, of R1 and of WGAN-GP, each then as many times
            as strong: as good, and cheaper (lazy regularisation, StyleGAN2, arXiv:1912.04958, section 3.1).
    """

    n_critic: Positive = 1
    augment: tuple[Augmentation, ...] = ()
    r1: NonNegativeFloat = 0.0
    penalty_every: Positive = 1

    def check(self, batch_size: int) -> None:
        """Refuse a batch that cannot be split.

        Raises:
            SettingError: naming the setting.
        """
        if batch_size < 2 * self.n_critic:
            raise SettingError(
                f"training.batch_size={batch_size}: too few for objective.n_critic={self.n_critic};"
                f" it is split into {self.n_critic} parts of 2 images or more"
            )


@settings
class Vanilla(Adversarial):
    """The original GAN with the non-saturating generator loss. Opinions are probabilities of being real."""

    def objective(self, networks: Mapping[str, nn.Module]) -> Objective:
        from gencompare.objectives.adversarial import VanillaObjective

        return VanillaObjective(networks, self)


@settings
class LSGAN(Adversarial):
    """Least squares GAN (arXiv:1611.04076): real is 1, fake is 0."""

    def objective(self, networks: Mapping[str, nn.Module]) -> Objective:
        from gencompare.objectives.adversarial import LSGANObjective

        return LSGANObjective(networks, self)


@settings
class Hinge(Adversarial):
    """The hinge loss (SNGAN, arXiv:1802.05957), for discriminators with spectral normalisation."""

    def objective(self, networks: Mapping[str, nn.Module]) -> Objective:
        from gencompare.objectives.adversarial import HingeObjective

        return HingeObjective(networks, self)


@settings
class R3GAN(Adversarial):
    """The relativistic loss with penalties at real and at fake images (R3GAN, arXiv:2501.05441).

    For discriminators without batch normalisation.

    Attributes:
        r1: weight of the R1 penalty and, as in the paper, of the R2 penalty alike: its gamma.
        r1_end: the share of it that is left at the end of the budget, falling by a cosine; the paper has 0.1.
    """

    r1: NonNegativeFloat = 1.0
    r1_end: Fraction = 1.0

    def objective(self, networks: Mapping[str, nn.Module]) -> Objective:
        from gencompare.objectives.adversarial import R3GANObjective

        return R3GANObjective(networks, self)


@settings
class WGANGP(Adversarial):
    """Wasserstein GAN with gradient penalty (arXiv:1704.00028), for critics without batch normalisation.

    Attributes:
        gp: weight of the gradient penalty.
        drift: weight of E[D(x)²], which keeps the critic's outputs near 0 (arXiv:1710.10196, appendix A.1).
    """

    n_critic: Positive = 5
    gp: PositiveFloat = 10.0
    drift: NonNegativeFloat = 0.0

    def objective(self, networks: Mapping[str, nn.Module]) -> Objective:
        from gencompare.objectives.adversarial import WGANGPObjective

        return WGANGPObjective(networks, self)


class AnyBatch:
    """Settings of an objective that learns from a batch of any size."""

    def check(self, batch_size: int) -> None:
        """Refuse nothing."""


@settings
class Elbo(AnyBatch):
    """The negative evidence lower bound with a weighted KL (beta-VAE).

    Attributes:
        beta: weight of the KL.
        anneal_kimg: thousands of training images over which the weight rises linearly from 0 to beta.
    """

    beta: NonNegativeFloat = 1.0
    anneal_kimg: NonNegativeFloat = 0.0

    def objective(self, networks: Mapping[str, nn.Module]) -> Objective:
        from gencompare.objectives.elbo import ElboObjective

        return ElboObjective(networks, self)


@settings
class VQ(AnyBatch):
    """A VQ-VAE, then a prior over its codes (arXiv:1711.00937): one training in two stages, both paid from its budget.

    Attributes:
        commitment: weight of the squared distance between the encoder's features and their codes' vectors.
        autoencoder: share of the budget in which the auto-encoder is trained, its learning rate falling over the
            second half of that; the rest is the prior's.
    """

    commitment: NonNegativeFloat = 0.25
    autoencoder: Annotated[float, Field(gt=0, lt=1)] = 0.4

    def objective(self, networks: Mapping[str, nn.Module]) -> Objective:
        from gencompare.objectives.vq import VQObjective

        return VQObjective(networks, self)


class LogNormal(NamedTuple):
    """How noisy the images to learn from are: log(sigma / alpha) is normal (EDM, arXiv:2206.00364, section 5)."""

    mean: float
    deviation: PositiveFloat


@settings
class Denoising(AnyBatch):
    """Mean squared error of what the network predicts (DDPM, arXiv:2006.11239, equation 14).

    By the model's process it is DDPM's loss, flow matching's (arXiv:2210.02747, equation 23) or EDM's with its
    weighting 1 / c_out² (arXiv:2206.00364, equation 8).

    Attributes:
        noise: mean and deviation of log(sigma / alpha) of the images to learn from; none draws all steps alike. EDM
            has -1.2 and 1.2; of a flow, this is its time's sigmoid-normal distribution (arXiv:2403.03206).
            What a network learns from nearly clean images and from nearly pure noise is soon learnt, or never.
        label_dropout: share of labels hidden from a conditional network, so that it also learns the
            unconditional prediction that guidance needs (arXiv:2207.12598, algorithm 1).
        pairing: which noise belongs to which image of a batch: at random, or by exact optimal transport, which
            makes a flow's paths straighter (arXiv:2302.00482, section 3.2). Not for conditional networks.
    """

    noise: LogNormal | None = None
    label_dropout: Fraction = 0.1
    pairing: Literal["random", "optimal_transport"] = "random"

    def objective(self, networks: Mapping[str, nn.Module]) -> Objective:
        from gencompare.objectives.denoising import DenoisingObjective

        return DenoisingObjective(networks, self)


@settings
class Consistency(Denoising):
    """A denoiser first, then tuned to foresee the same image all along its path (ECT, arXiv:2406.14548).

    One training in two stages, both paid from its budget, so that a comparison with its teacher is fair whatever
    the budget's unit. The teacher's weights are kept as an earlier stage. `noise` and `pairing` are the teacher's.

    Attributes:
        teacher: share of the budget in which the denoiser is trained, its learning rate falling over the second
            half of that.
        lr_scale: factor on the learning rate afterwards.
        tuning_noise: mean and deviation of log(sigma / alpha) of the noisier image of each pair.
        halvings: how often the distance within pairs is halved while it is tuned, from about half its noise on.
    """

    teacher: Annotated[float, Field(gt=0, lt=1)] = 0.6
    lr_scale: PositiveFloat = 0.1
    tuning_noise: LogNormal = LogNormal(-1.1, 2.0)
    halvings: Positive = 6

    def objective(self, networks: Mapping[str, nn.Module]) -> Objective:
        from gencompare.objectives.consistency import ConsistencyObjective

        return ConsistencyObjective(networks, self)
