"""Adversarial objectives: losses as functions of the discriminator's logits (N,), and the steps that use them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gencompare.config.typed import SettingError
from gencompare.models.parts.growing import Growing
from gencompare.models.parts.latent import LatentModel
from gencompare.models.parts.lookup import require
from gencompare.models.parts.precision import full_precision
from gencompare.objectives.augment import augment
from gencompare.objectives.base import Batch, Objective
from gencompare.objectives.diversity import ranked_above, variety
from gencompare.objectives.settings import R3GAN, WGANGP, Adversarial

Critic = Callable[[Tensor], Tensor]


def vanilla_discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """-E[log D(x)] - E[log(1 - D(G(z)))] from logits (GAN, arXiv:1406.2661, equation 1)."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def vanilla_generator_loss(fake: Tensor) -> Tensor:
    """The non-saturating -E[log D(G(z))] from logits (GAN, arXiv:1406.2661, section 3)."""
    return F.softplus(-fake).mean()


def least_squares_discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """½ E[(D(x) - 1)²] + ½ E[D(G(z))²] (LSGAN, arXiv:1611.04076, equation 9)."""
    return 0.5 * (real - 1.0).square().mean() + 0.5 * fake.square().mean()


def least_squares_generator_loss(fake: Tensor) -> Tensor:
    """½ E[(D(G(z)) - 1)²] (LSGAN, arXiv:1611.04076, equation 9)."""
    return 0.5 * (fake - 1.0).square().mean()


def hinge_discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))] (SNGAN, arXiv:1802.05957, equation 16)."""
    return F.relu(1.0 - real).mean() + F.relu(1.0 + fake).mean()


def wasserstein_discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """E[D(G(z))] - E[D(x)] (WGAN, arXiv:1701.07875, equation 2)."""
    return fake.mean() - real.mean()


def linear_generator_loss(fake: Tensor) -> Tensor:
    """-E[D(G(z))]: of the Wasserstein (WGAN, arXiv:1701.07875) and hinge (SNGAN, equation 17) losses."""
    return -fake.mean()


def relativistic_discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """E[log(1 + e^-(D(x) - D(G(z))))] over pairs (RpGAN in R3GAN, arXiv:2501.05441, equation 2)."""
    return F.softplus(fake - real).mean()


def gradient_penalty(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """E[(‖∇D(x)‖₂ - 1)²] at points drawn between real and fake images (WGAN-GP, arXiv:1704.00028, equation 3).

    Args:
        critic: from images (N, C, H, W) to numbers (N,), each of its own image.
        real, fake: as many images of each.
    """
    share = torch.rand(len(real), 1, 1, 1, device=real.device)
    between = torch.lerp(real.detach().float(), fake.detach().float(), share).requires_grad_()
    return (_gradient(critic, between).flatten(1).norm(dim=1) - 1.0).square().mean()


def r1_penalty(critic: Critic, real: Tensor) -> Tensor:
    """½ E[‖∇D(x)‖₂²] at real images (R1, arXiv:1801.04406, equation 9); at fake ones it is R2 (equation 10)."""
    gradient = _gradient(critic, real.detach().float().requires_grad_())
    return 0.5 * gradient.flatten(1).square().sum(1).mean()


def _gradient(critic: Critic, images: Tensor) -> Tensor:
    """∇D(x), in float32 whatever precision the critic runs in otherwise, and itself differentiable."""
    with full_precision():
        # A view, for torch's FLOP counter cannot hook a leaf inside autograd.grad.
        scores = critic(images.view_as(images))
        (gradient,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    return gradient


class Losses(NamedTuple):
    """From the discriminator's logits on real and on fake images, and from those on fake images alone."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]


class AdversarialObjective(Objective):
    """`n_critic` discriminator steps, then one generator step against the updated discriminator.

    Metrics, all of the last discriminator step: `d_real` and `d_fake`, its mean opinions; `d_ranking`, the
    chance that it puts a real image above a fake (0.5 undecided, 1 it tells all apart); `diversity` and
    `distinctness` of the fakes beside the real images (1 as the real ones, 0 all the same).

    Attributes:
        name: its name in OBJECTIVES.
        losses: of the discriminator and of the generator.
    """

    name: ClassVar[str]
    losses: ClassVar[Losses]
    averaged = ("generator",)

    def __init__(self, networks: Mapping[str, nn.Module], config: Adversarial) -> None:
        super().__init__(networks)
        self.config = config
        self.period = config.penalty_every
        self.penalised = True
        self.generator = require(networks, "generator", LatentModel, f"objective.name={self.name!r}")
        self.discriminator = require(networks, "discriminator", nn.Module, f"objective.name={self.name!r}")
        self.discriminator_parameters = list(self.discriminator.parameters())
        self.transfers = all(n.transfer for n in networks.values() if isinstance(n, Growing))

    def step(self, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        parts = self._parts(batch)
        self.penalised = batch.index % self.config.penalty_every == 0
        for images, labels in parts[:-1]:
            with torch.no_grad():
                fake = self._fakes(images, labels)
            yield "discriminator", self._discriminator_loss(images, fake, labels)
        images, labels = parts[-1]
        fake = self._fakes(images, labels)
        self.metrics = dict(zip(("diversity", "distinctness"), variety(fake, images), strict=True))
        yield "discriminator", self._discriminator_loss(images, fake.detach(), labels)
        with frozen(self.discriminator_parameters):
            loss = self._generator_loss(images, fake, labels)
        yield "generator", loss

    def advance(self, progress: float) -> bool:
        growing = [network for network in self.networks.values() if isinstance(network, Growing)]
        grown = [network.advance(progress) for network in growing]
        if growing:
            self.lr_scale = growing[0].lr_scale
        return any(grown)

    def opinion(self, logits: Tensor) -> Tensor:
        """What `d_real` and `d_fake` in the history show of logits."""
        return logits

    def penalty(self, critic: Critic, real: Tensor, real_logits: Tensor, fake: Tensor) -> Tensor | float:
        """What to add to the discriminator's loss."""
        if not (self.config.r1 and self.penalised):
            return 0.0
        return self.config.penalty_every * self.config.r1 * r1_penalty(critic, real)

    def _parts(self, batch: Batch) -> list[tuple[Tensor, Tensor | None]]:
        """Split a batch into what each discriminator step sees: images, as the networks see them now, labels."""
        n = self.config.n_critic
        self.config.check(len(batch.images))
        images = batch.images
        if isinstance(self.discriminator, Growing):
            images = self.discriminator.view(images)
        labels = [None] * n if batch.labels is None else batch.labels.tensor_split(n)
        return list(zip(images.tensor_split(n), labels, strict=True))

    def _fakes(self, like: Tensor, labels: Tensor | None) -> Tensor:
        latent = torch.randn(len(like), self.generator.latent_dim, device=like.device)
        return self.generator.generate(latent, labels)

    def _discriminator_loss(self, real: Tensor, fake: Tensor, labels: Tensor | None) -> Tensor:
        critic = partial(self._judge, labels=labels)
        real, fake = augment(real, self.config.augment), augment(fake, self.config.augment)
        real_logits, fake_logits = critic(real), critic(fake)
        self.metrics |= {
            "d_real": self.opinion(real_logits.detach()).mean(),
            "d_fake": self.opinion(fake_logits.detach()).mean(),
            "d_ranking": ranked_above(real_logits.detach(), fake_logits.detach()),
        }
        loss = self.losses.discriminator(real_logits, fake_logits)
        return loss + self.penalty(critic, real, real_logits, fake)

    def _generator_loss(self, real: Tensor, fake: Tensor, labels: Tensor | None) -> Tensor:
        return self.losses.generator(self._judge(augment(fake, self.config.augment), labels))

    def _judge(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """Logits (N,): a conditional GAN's discriminator takes the labels too."""
        return self.discriminator(images, labels) if self.generator.classes else self.discriminator(images)


class VanillaObjective(AdversarialObjective):
    """The original GAN's. Opinions are probabilities of being real."""

    name = "vanilla"
    losses = Losses(vanilla_discriminator_loss, vanilla_generator_loss)

    def opinion(self, logits: Tensor) -> Tensor:
        return logits.sigmoid()


class LSGANObjective(AdversarialObjective):
    """Of least squares."""

    name = "lsgan"
    losses = Losses(least_squares_discriminator_loss, least_squares_generator_loss)


class HingeObjective(AdversarialObjective):
    """Of the hinge loss."""

    name = "hinge"
    losses = Losses(hinge_discriminator_loss, linear_generator_loss)


class R3GANObjective(AdversarialObjective):
    """Of pairs of a real and a fake image, the discriminator held flat at both.

    The generator's loss is log(1 + e^(D(x) - D(G(z)))): the non-saturating one, of the fake's lead.

    Raises:
        SettingError: for a discriminator with batch normalisation, whose gradient at an image depends on the others.
    """

    name = "r3gan"
    losses = Losses(relativistic_discriminator_loss, vanilla_generator_loss)
    config: R3GAN

    def __init__(self, networks: Mapping[str, nn.Module], config: R3GAN) -> None:
        super().__init__(networks, config)
        refuse_batch_norm(self.discriminator, self.name)
        self.weight = config.r1

    def step(self, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        end = self.config.r1_end
        share = end + (1.0 - end) * 0.5 * (1.0 + math.cos(math.pi * batch.progress))
        self.weight = self.config.r1 * share
        yield from super().step(batch)

    def penalty(self, critic: Critic, real: Tensor, real_logits: Tensor, fake: Tensor) -> Tensor | float:
        if not (self.weight and self.penalised):
            return 0.0
        both = r1_penalty(critic, real) + r1_penalty(critic, fake)
        return self.config.penalty_every * self.weight * both

    def _generator_loss(self, real: Tensor, fake: Tensor, labels: Tensor | None) -> Tensor:
        real, fake = augment(real, self.config.augment), augment(fake, self.config.augment)
        return self.losses.generator(self._judge(fake, labels) - self._judge(real, labels))


class WGANGPObjective(AdversarialObjective):
    """Of the Wasserstein distance, the critic held to a gradient norm of 1.

    Raises:
        SettingError: for a critic with batch normalisation, whose gradient at an image depends on the others.
    """

    name = "wgan_gp"
    losses = Losses(wasserstein_discriminator_loss, linear_generator_loss)
    config: WGANGP

    def __init__(self, networks: Mapping[str, nn.Module], config: WGANGP) -> None:
        super().__init__(networks, config)
        refuse_batch_norm(self.discriminator, self.name)

    def penalty(self, critic: Critic, real: Tensor, real_logits: Tensor, fake: Tensor) -> Tensor | float:
        drift = self.config.drift * real_logits.square().mean()
        if self.penalised:
            drift = drift + self.config.penalty_every * self.config.gp * gradient_penalty(critic, real, fake)
        return drift + super().penalty(critic, real, real_logits, fake)


def refuse_batch_norm(critic: nn.Module, name: str) -> None:
    """Refuse a critic whose gradient at an image depends on the other images.

    Raises:
        SettingError: naming the objective.
    """
    if any(isinstance(module, nn.BatchNorm2d) for module in critic.modules()):
        raise SettingError(
            f"objective.name={name!r}: the gradient penalty needs a critic without batch normalisation; set"
            " model.critic_norm to none, or choose model.name=resnet_gan, r3gan or dcgan_upsample"
        )


@contextmanager
def frozen(parameters: Sequence[nn.Parameter]) -> Iterator[None]:
    """Build a graph through a network without its parameters' gradients, which would be thrown away."""
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)
