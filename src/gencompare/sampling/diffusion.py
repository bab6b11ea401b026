"""Samplers of diffusion models: their settings, and the one place where a network becomes a denoiser."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn

from gencompare.config.typed import Fraction, NonNegativeFloat, Positive, SettingError, settings
from gencompare.models.parts.diffusion import Denoiser, Process
from gencompare.models.parts.lookup import only
from gencompare.models.parts.shape import ImageShape
from gencompare.sampling import solvers
from gencompare.sampling.base import Sampler, Streams


@settings
class DiffusionSampler(Sampler):
    """A sampler of `Denoiser` networks. Its path runs over evenly spread steps, from noise to the sample.

    Attributes:
        steps: how many steps to visit.
        spacing: how they are spread over the model's timesteps.
        clip: whether estimates of the clean image are clipped to [-1, 1].
        guidance_scale: how far to go from the unconditional towards the conditional prediction
            (classifier-free guidance, arXiv:2207.12598): 0 ignores the label, 1 is the plain conditional
            model, more than 1 exaggerates the label. Other than 1 it doubles the network evaluations.
    """

    name: ClassVar[str]
    steps: Positive = 30
    spacing: solvers.Spacing = "uniform"
    clip: bool = True
    guidance_scale: NonNegativeFloat = 1.0

    @abstractmethod
    def solve(
        self,
        denoise: solvers.Denoise,
        process: Process,
        grid: Sequence[int],
        x: Tensor,
        normal: solvers.Normal,
    ) -> solvers.States:
        """Run the solver with its own settings."""

    def check(self, networks: Mapping[str, nn.Module]) -> None:
        denoiser = self.denoiser(networks)
        if self.steps > denoiser.timesteps:
            raise SettingError(
                f"sampler.steps={self.steps}: at most the model's {denoiser.timesteps} timesteps"
            )
        if self.guidance_scale != 1.0 and not denoiser.classes:
            raise SettingError(
                f"sampler.guidance_scale={self.guidance_scale}: must be 1, since the model takes no labels;"
                " set model.conditional to true"
            )

    def classes(self, networks: Mapping[str, nn.Module]) -> int:
        return self.denoiser(networks).classes

    def noise_shape(self, networks: Mapping[str, nn.Module], shape: ImageShape) -> tuple[int, ...]:
        return (shape.channels, shape.resolution, shape.resolution)

    def path(
        self,
        networks: Mapping[str, nn.Module],
        noise: Tensor,
        labels: Tensor | None,
        streams: Streams,
        frames: int,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        denoiser = self.denoiser(networks)
        grid = solvers.visited(denoiser.timesteps, self.steps, self.spacing)
        shown = np.rint(np.linspace(0 if frames > 1 else self.steps, self.steps, frames)).tolist()
        states = self.solve(self.denoise(denoiser, labels), denoiser.process, grid, noise, streams.normal)
        for place, state in enumerate(states):
            for _ in range(shown.count(place)):
                yield state

    def nfe(self, networks: Mapping[str, nn.Module]) -> int:
        return self.steps * (1 if self.guidance_scale == 1.0 else 2)

    def denoiser(self, networks: Mapping[str, nn.Module]) -> Denoiser:
        """The network to sample from."""
        return only(networks, Denoiser, f"sampler.name={self.name!r}")

    def denoise(self, denoiser: Denoiser, labels: Tensor | None) -> solvers.Denoise:
        """Wrap a network and its labels as estimates of x_0 and eps, guided and clipped as set."""

        def denoise(x: Tensor, step: int) -> tuple[Tensor, Tensor]:
            steps = torch.full((len(x),), step, device=x.device)
            output = denoiser(x, steps, labels)
            if self.guidance_scale != 1.0:
                unconditional = denoiser(x, steps, None)
                output = unconditional + self.guidance_scale * (output - unconditional)
            x0 = denoiser.clean(x, steps, output)
            if self.clip:
                x0 = x0.clamp(-1.0, 1.0)
            return x0, (x - denoiser.alpha[step] * x0) / denoiser.sigma[step]

        return denoise


@settings
class DDIM(DiffusionSampler):
    """DDIM.

    Attributes:
        eta: 0 is deterministic, 1 as noisy as DDPM with the small variance.
    """

    name: ClassVar[str] = "ddim"
    eta: Fraction = 0.0

    def solve(
        self,
        denoise: solvers.Denoise,
        process: Process,
        grid: Sequence[int],
        x: Tensor,
        normal: solvers.Normal,
    ) -> solvers.States:
        return solvers.ddim(denoise, process, grid, x, normal, eta=self.eta)

    def inverts(self, networks: Mapping[str, nn.Module]) -> bool:
        return True

    def invert(self, networks: Mapping[str, nn.Module], images: Tensor, labels: Tensor | None) -> Tensor:
        """Follow DDIM's deterministic path backwards (arXiv:2010.02502, section 4.3)."""
        denoiser = self.denoiser(networks)
        grid = solvers.visited(denoiser.timesteps, self.steps, self.spacing)[::-1]
        return solvers.ddim_inversion(self.denoise(denoiser, labels), denoiser.process, grid, images)


@settings
class DDPM(DiffusionSampler):
    """Ancestral sampling.

    Attributes:
        variance: the posterior's ("small") or the forward process's ("large").
    """

    name: ClassVar[str] = "ddpm"
    steps: Positive = 1000
    variance: Literal["small", "large"] = "small"

    def solve(
        self,
        denoise: solvers.Denoise,
        process: Process,
        grid: Sequence[int],
        x: Tensor,
        normal: solvers.Normal,
    ) -> solvers.States:
        return solvers.ddpm(denoise, process, grid, x, normal, variance=self.variance)


@settings
class DPMSolver(DiffusionSampler):
    """DPM-Solver++(2M)."""

    name: ClassVar[str] = "dpm_solver"
    steps: Positive = 20

    def solve(
        self,
        denoise: solvers.Denoise,
        process: Process,
        grid: Sequence[int],
        x: Tensor,
        normal: solvers.Normal,
    ) -> solvers.States:
        return solvers.dpm_solver(denoise, process, grid, x, normal)


@settings
class Heun(DiffusionSampler):
    """Heun's method: two evaluations a step, but one in the last."""

    name: ClassVar[str] = "heun"
    steps: Positive = 10

    def solve(
        self,
        denoise: solvers.Denoise,
        process: Process,
        grid: Sequence[int],
        x: Tensor,
        normal: solvers.Normal,
    ) -> solvers.States:
        return solvers.heun(denoise, process, grid, x, normal)

    def nfe(self, networks: Mapping[str, nn.Module]) -> int:
        return (2 * self.steps - 1) * (1 if self.guidance_scale == 1.0 else 2)
