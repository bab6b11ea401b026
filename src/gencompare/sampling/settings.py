"""The samplers' settings. Nothing here imports torch before it makes a sampler."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar, Protocol

import pydantic

from gencompare.config.typed import (
    Fraction,
    NonNegativeFloat,
    Positive,
    PositiveFloat,
    SettingError,
    settings,
)

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from gencompare.models.parts.shape import ImageShape
    from gencompare.models.parts.weights import Weights
    from gencompare.sampling.base import Sampler


Networks = Mapping[str, "nn.Module"]


class SamplerSettings(Protocol):
    """One of the classes below."""

    def check(self, networks: Networks, shape: ImageShape) -> None:
        """Look, before anything is trained, whether such networks can be sampled this way.

        Raises:
            SettingError: where they cannot.
        """
        ...

    def check_count(self, images: int) -> None:
        """Look, before anything is trained, whether so many training images are enough to fit it to.

        Raises:
            SettingError: where they are not.
        """
        ...

    @property
    def guide(self) -> float | None:
        """The share of a training after which its weights are those that `fit` needs beside it, if it needs any."""
        ...

    def fit(self, networks: Networks, images: np.ndarray, earlier: Weights) -> dict[str, Tensor]:
        """Learn or take what the sampler needs beside the networks: mostly nothing.

        Args:
            images: for training, uint8 (N, H, W, C).
            earlier: weights of earlier in the same training, nearest to `guide` of it; none where none are needed.

        Raises:
            SettingError: where these networks or images do not allow it.
        """
        ...

    def sampler(self, networks: Networks, shape: ImageShape, fitted: Weights) -> Sampler:
        """Make the sampler of trained networks.

        Args:
            shape: of the images it makes.
            fitted: what `fit` returned.

        Raises:
            SettingError: where these networks cannot be sampled this way.
        """
        ...


class Unfitted(ABC):
    """Settings of a sampler that learns nothing from images."""

    @property
    def guide(self) -> float | None:
        """None needed."""
        return None

    @abstractmethod
    def sampler(self, networks: Networks, shape: ImageShape, fitted: Weights) -> Sampler:
        """Make the sampler of trained networks."""

    def check(self, networks: Networks, shape: ImageShape) -> None:
        """Make the sampler once."""
        self.sampler(networks, shape, {})

    def check_count(self, images: int) -> None:  # noqa: B027  none of them needs any
        """Refuse none."""

    def fit(self, networks: Networks, images: np.ndarray, earlier: Weights) -> dict[str, Tensor]:
        """Learn nothing."""
        return {}


@settings
class Latent(Unfitted):
    """Draw z from N(0, I)."""

    def sampler(self, networks: Networks, shape: ImageShape, fitted: Weights) -> Sampler:
        from gencompare.sampling.latent import LatentSampler

        return LatentSampler(networks)


@settings
class Mixture:
    """Draw z from a Gaussian mixture fitted to the codes of training images (arXiv:1903.12436, section 4).

    It helps where a VAE's codes are not distributed as N(0, I).

    Attributes:
        components: Gaussians in the mixture, each with a full covariance.
        images: how many training images to fit it to, at most.
    """

    components: Positive = 10
    images: Positive = 10_000

    guide: ClassVar[None] = None

    def check(self, networks: Networks, shape: ImageShape) -> None:
        from gencompare.models.parts.lookup import only
        from gencompare.models.vae import AutoEncoder

        only(networks, AutoEncoder, "sampler.name='mixture'")

    def check_count(self, images: int) -> None:
        """Refuse fewer than the mixture has components."""
        if self.images < self.components:
            raise SettingError(f"sampler.images={self.images}: at least sampler.components={self.components}")
        if images < self.components:
            raise SettingError(f"sampler.components={self.components}: at most the {images} training images")

    def fit(self, networks: Networks, images: np.ndarray, earlier: Weights) -> dict[str, Tensor]:
        from gencompare.sampling.latent import fit_mixture

        return fit_mixture(self, networks, images)

    def sampler(self, networks: Networks, shape: ImageShape, fitted: Weights) -> Sampler:
        from gencompare.sampling.latent import MixtureSampler

        return MixtureSampler(networks, **fitted)


@settings
class Autoregressive(Unfitted):
    """Write a VQ-VAE's codes one after the other, as its prior finds them probable, and decode them.

    Attributes:
        temperature: below 1, what is probable becomes more so: fewer slips, less variety.
    """

    temperature: PositiveFloat = 1.0

    def sampler(self, networks: Networks, shape: ImageShape, fitted: Weights) -> Sampler:
        from gencompare.sampling.codes import CodeSampler

        return CodeSampler(networks, self.temperature)


@settings
class Diffusion(Unfitted):
    """What all samplers of diffusion models share. They visit evenly spread steps, from noise to the sample.

    Attributes:
        steps: how many steps to visit.
        clip_x0: whether estimates of the clean image are clipped to [-1, 1].
        guidance_scale: how far to go from the unconditional towards the conditional prediction
            (classifier-free guidance, arXiv:2207.12598): 0 ignores the label, 1 is the plain conditional
            model, more than 1 exaggerates the label. Other than 0 and 1 it takes one more evaluation at each.
        autoguidance: how far to go from what the network predicted earlier in its training towards what it
            predicts now (arXiv:2406.02507): 1 is the plain model, more than 1 exaggerates what it has learnt
            since. Other than 1 it takes one more evaluation at each.
        earlier: how much of its training the network had had then: the weights are the nearest of those that
            `training.validations` keeps, by ratio.
    """

    steps: Positive = 30
    clip_x0: bool = True
    guidance_scale: NonNegativeFloat = 1.0
    autoguidance: NonNegativeFloat = 1.0
    earlier: Annotated[float, pydantic.Field(gt=0.0, lt=1.0)] = 0.5

    @property
    def guide(self) -> float | None:
        """When the network was its earlier self, where that guides it."""
        return None if self.autoguidance == 1.0 else self.earlier

    @property
    def evaluations(self) -> int:
        """Of networks for each estimate that a solver asks for: one, and one for each guidance."""
        return 1 + (self.guidance_scale not in (0.0, 1.0)) + (self.autoguidance != 1.0)

    def check(self, networks: Networks, shape: ImageShape) -> None:
        """Make the sampler once, guided by the network itself."""
        from gencompare.models.parts.weights import flatten_weights

        self.sampler(networks, shape, flatten_weights(networks))

    def fit(self, networks: Networks, images: np.ndarray, earlier: Weights) -> dict[str, Tensor]:
        """Take the earlier weights where they are to guide."""
        return {} if self.autoguidance == 1.0 else dict(earlier)


@settings
class DDIM(Diffusion):
    """DDIM.

    Attributes:
        eta: 0 is deterministic, 1 as noisy as DDPM.
    """

    eta: Fraction = 0.0

    def sampler(self, networks: Networks, shape: ImageShape, fitted: Weights) -> Sampler:
        from gencompare.sampling import diffusion, solvers

        kind = diffusion.DiffusionSampler if self.eta else diffusion.DDIMSampler
        return kind("ddim", partial(solvers.ddim, eta=self.eta), self, networks, shape, fitted)


@settings
class Euler(Diffusion):
    """Euler's method, as flows name it: DDIM without noise on the way."""

    def sampler(self, networks: Networks, shape: ImageShape, fitted: Weights) -> Sampler:
        from gencompare.sampling import diffusion, solvers

        return diffusion.DDIMSampler("euler", solvers.ddim, self, networks, shape, fitted)


@settings
class DDPM(Diffusion):
    """Ancestral sampling."""

    steps: Positive = 1000

    def sampler(self, networks: Networks, shape: ImageShape, fitted: Weights) -> Sampler:
        from gencompare.sampling import diffusion, solvers

        return diffusion.DiffusionSampler("ddpm", solvers.ddpm, self, networks, shape, fitted)


@settings
class DPMSolver(Diffusion):
    """DPM-Solver++(2M)."""

    steps: Positive = 20

    def sampler(self, networks: Networks, shape: ImageShape, fitted: Weights) -> Sampler:
        from gencompare.sampling import diffusion, solvers

        return diffusion.DiffusionSampler("dpm_solver", solvers.dpm_solver, self, networks, shape, fitted)


@settings
class Heun(Diffusion):
    """Heun's method: two evaluations a step, but one in the last."""

    steps: Positive = 10

    def sampler(self, networks: Networks, shape: ImageShape, fitted: Weights) -> Sampler:
        from gencompare.sampling import diffusion, solvers

        return diffusion.DiffusionSampler(
            "heun", solvers.heun, self, networks, shape, fitted, 2 * self.steps - 1
        )


@settings
class Midpoint(Diffusion):
    """The midpoint method: two evaluations a step."""

    steps: Positive = 10

    def sampler(self, networks: Networks, shape: ImageShape, fitted: Weights) -> Sampler:
        from gencompare.sampling import diffusion, solvers

        return diffusion.DiffusionSampler(
            "midpoint", solvers.midpoint, self, networks, shape, fitted, 2 * self.steps
        )


@settings
class Consistency(Diffusion):
    """Foresee the image from pure noise, then noise it anew and foresee it again (arXiv:2303.01469).

    Attributes:
        steps: 1 + as many as `via` has.
        via: how noisy the image is made again before each further step: sigma / alpha, falling.
    """

    steps: Positive = 2
    via: tuple[PositiveFloat, ...] = (0.8,)

    def sampler(self, networks: Networks, shape: ImageShape, fitted: Weights) -> Sampler:
        from gencompare.sampling import diffusion, solvers

        if self.autoguidance != 1.0:
            raise SettingError(
                f"sampler.autoguidance={self.autoguidance}: must be 1, since what it was before tuning is no guide for it"
            )
        if self.steps != 1 + len(self.via):
            raise SettingError(
                f"sampler.steps={self.steps}: with {len(self.via)} ratios in sampler.via, {1 + len(self.via)} steps"
            )
        return diffusion.DiffusionSampler(
            "consistency", solvers.consistency, self, networks, shape, fitted, via=self.via
        )
