"""Training as one would write it by hand for a single family: no objective, no history, no budget, no checkpoints.

Networks, images, optimisers and steps are a contender's own, so that both ways end with the same weights, and what
`loop_overhead.py` times is the loop alone. Gradient penalties are the project's functions, for they are part of the work.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from gencompare.config.contender import Contender
from gencompare.imagesets.arrays import Images
from gencompare.models.parts.growing import Growing
from gencompare.models.parts.shape import ImageShape
from gencompare.objectives.adversarial import gradient_penalty, r1_penalty
from gencompare.objectives.denoising import drawn_steps
from gencompare.training.feed import Feed
from gencompare.training.optimisers import make_optimisers

Learn = Callable[["ByHand", Tensor, int, float], None]


class ByHand:
    """One contender, trained by hand.

    Args:
        chosen: its settings; GANs with one critic step, no augmentation and no labels.
        steps: of its whole budget.
        seed: as the loop's, so that weights, noise and the order of images are the same.
    """

    def __init__(self, chosen: Contender, images: Images, shape: ImageShape, steps: int, seed: int) -> None:
        settings = chosen.training
        self.chosen, self.settings, self.steps, self.count = chosen, settings, steps, 0
        self.layout = torch.channels_last if settings.channels_last else torch.contiguous_format
        feed = Feed(images, settings.batch_size, seed)
        self.order = torch.from_numpy(np.stack([feed.indices(step) for step in range(steps)]))
        self.levels = torch.from_numpy(images.images)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.networks = chosen.model.networks(shape)
            self.random = torch.get_rng_state()
        for network in self.networks.values():
            network.to(memory_format=self.layout)
        self.parameters = {name: list(network.parameters()) for name, network in self.networks.items()}
        self.averaged = next(name for name in ("generator", "vae", "denoiser") if name in self.networks)
        self.average = copy.deepcopy(self.networks[self.averaged]).eval().requires_grad_(False)
        self.tensors = [_tensors(network) for network in (self.average, self.networks[self.averaged])]
        self.reset()

    def reset(self) -> None:
        """Start every optimiser anew."""
        rates, settings = self.settings.lr, self.settings
        self.optimisers = {
            name: make_optimisers(
                network,
                settings.optimiser,
                rates[name] if isinstance(rates, dict) else rates,
                settings.betas,
            )
            for name, network in self.networks.items()
        }

    def run(self, begin: int, end: int) -> None:
        """Take steps `begin` to `end`, and leave torch's random generator as it was."""
        learn = LEARN[next(name for name in LEARN if type(self.chosen.objective).__name__ == name)]
        with torch.random.fork_rng():
            torch.set_rng_state(self.random)
            for step in range(begin, end):
                progress = step / self.steps
                images = self.levels[self.order[step]].permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)
                # The loop counts this step's operations, and under the counter attention is another kernel's.
                with FlopCounterMode(display=False) if step == 0 else nullcontext():
                    learn(self, images.contiguous(memory_format=self.layout), step, progress)
            self.random = torch.get_rng_state()

    def optimise(self, name: str, loss: Tensor, progress: float, rate: float = 1.0) -> None:
        """One step of a network's optimisers on a loss, and of its average."""
        settings, parameters = self.settings, self.parameters[name]
        rise = min(1.0, (progress + 1 / self.steps) / settings.warmup) if settings.warmup else 1.0
        late = (1.0 - progress) / (1.0 - settings.decay_from) if progress > settings.decay_from else 1.0
        for parameter in parameters:
            parameter.grad = None
        loss.backward()
        if settings.clip_norm is not None:
            nn.utils.clip_grad_norm_(parameters, settings.clip_norm)
        for optimiser in self.optimisers[name]:
            for group in optimiser.param_groups:
                group["lr"] = group["initial_lr"] * rate * rise * late
            optimiser.step()
        if name == self.averaged:
            decay = min(settings.ema_decay, (1 + self.count) / (10 + self.count))
            (mine, mine_whole), (theirs, theirs_whole) = self.tensors
            with torch.no_grad():
                torch._foreach_lerp_(mine, theirs, 1.0 - decay)
                for whole, other in zip(mine_whole, theirs_whole, strict=True):
                    whole.copy_(other)
            self.count += 1


def _tensors(network: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    everything = [*(p.detach() for p in network.parameters()), *network.buffers()]
    floating = [tensor for tensor in everything if tensor.is_floating_point()]
    return floating, [tensor for tensor in everything if not tensor.is_floating_point()]


def _frozen(parameters: Sequence[nn.Parameter], frozen: bool) -> None:
    for parameter in parameters:
        parameter.requires_grad_(not frozen)


def _adversarial(
    run: ByHand,
    images: Tensor,
    progress: float,
    discriminator_loss: Callable[[Tensor, Tensor], Tensor],
    generator_loss: Callable[[Tensor], Tensor],
    penalty: Callable[[Tensor, Tensor, Tensor], Tensor | float],
    relative: bool = False,
) -> None:
    """A discriminator step, then a generator step against the updated discriminator."""
    generator, discriminator, rate = run.networks["generator"], run.networks["discriminator"], 1.0
    if isinstance(discriminator, Growing):
        if generator.advance(progress) | discriminator.advance(progress):
            run.reset()
        images, rate = discriminator.view(images), generator.lr_scale
    fake = generator.generate(torch.randn(len(images), generator.latent_dim))
    real_logits, fake_logits = discriminator(images), discriminator(fake.detach())
    loss = discriminator_loss(real_logits, fake_logits) + penalty(images, real_logits, fake.detach())
    run.optimise("discriminator", loss, progress, rate)
    _frozen(run.parameters["discriminator"], True)
    logits = discriminator(fake)
    loss = generator_loss(logits - discriminator(images) if relative else logits)
    _frozen(run.parameters["discriminator"], False)
    run.optimise("generator", loss, progress, rate)


def _vanilla(run: ByHand, images: Tensor, step: int, progress: float) -> None:
    config, critic = run.chosen.objective, run.networks["discriminator"]

    def penalty(real: Tensor, real_logits: Tensor, fake: Tensor) -> Tensor | float:
        if not config.r1 or step % config.penalty_every:
            return 0.0
        return config.penalty_every * config.r1 * r1_penalty(critic, real)

    _adversarial(
        run,
        images,
        progress,
        lambda real, fake: F.softplus(-real).mean() + F.softplus(fake).mean(),
        lambda fake: F.softplus(-fake).mean(),
        penalty,
    )


def _lsgan(run: ByHand, images: Tensor, step: int, progress: float) -> None:
    _adversarial(
        run,
        images,
        progress,
        lambda real, fake: 0.5 * (real - 1.0).square().mean() + 0.5 * fake.square().mean(),
        lambda fake: 0.5 * (fake - 1.0).square().mean(),
        lambda *_: 0.0,
    )


def _wgan_gp(run: ByHand, images: Tensor, step: int, progress: float) -> None:
    config, critic = run.chosen.objective, run.networks["discriminator"]

    def penalty(real: Tensor, real_logits: Tensor, fake: Tensor) -> Tensor:
        drift = config.drift * real_logits.square().mean()
        if step % config.penalty_every:
            return drift
        return drift + config.penalty_every * config.gp * gradient_penalty(critic, real, fake)

    _adversarial(
        run,
        images,
        progress,
        lambda real, fake: fake.mean() - real.mean(),
        lambda fake: -fake.mean(),
        penalty,
    )


def _r3gan(run: ByHand, images: Tensor, step: int, progress: float) -> None:
    config, critic = run.chosen.objective, run.networks["discriminator"]
    share = config.r1_end + (1.0 - config.r1_end) * 0.5 * (1.0 + math.cos(math.pi * progress))

    def penalty(real: Tensor, real_logits: Tensor, fake: Tensor) -> Tensor | float:
        if step % config.penalty_every:
            return 0.0
        both = r1_penalty(critic, real) + r1_penalty(critic, fake)
        return config.penalty_every * (config.r1 * share) * both

    _adversarial(
        run,
        images,
        progress,
        lambda real, fake: F.softplus(fake - real).mean(),
        lambda lead: F.softplus(-lead).mean(),
        penalty,
        relative=True,
    )


def _elbo(run: ByHand, images: Tensor, step: int, progress: float) -> None:
    made, mean, log_variance = run.networks["vae"](images)
    error = 0.5 * (images - made).square().flatten(1).sum(dim=1)
    kl = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(dim=1)
    run.optimise("vae", error.mean() + run.chosen.objective.beta * kl.mean(), progress)


def _denoising(run: ByHand, images: Tensor, step: int, progress: float) -> None:
    denoiser = run.networks["denoiser"]
    steps = drawn_steps(denoiser, len(images), run.chosen.objective.noise)
    noise = torch.randn_like(images)
    output = denoiser(denoiser.diffuse(images, steps, noise), steps)
    error = (output - denoiser.target(images, steps, noise)).square().flatten(1).mean(dim=1)
    run.optimise("denoiser", error.mean(), progress)


LEARN: dict[str, Learn] = {
    "Vanilla": _vanilla,
    "LSGAN": _lsgan,
    "WGANGP": _wgan_gp,
    "R3GAN": _r3gan,
    "Elbo": _elbo,
    "Denoising": _denoising,
}
"""By the name of the objective's settings class."""
