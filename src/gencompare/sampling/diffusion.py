"""Samplers of diffusion models: their settings, and the one place where a network becomes a denoiser."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from gencompare.models.blocks import only
from gencompare.models.diffusion import Denoiser, Process
from gencompare.models.shape import ImageShape
from gencompare.sampling import solvers
from gencompare.sampling.base import Sampler, Streams
from gencompare.typed import Fraction, Positive, SettingError, settings


@settings
class DiffusionSampler(Sampler):
    """A sampler of `Denoiser` networks. Its path is the estimate of the clean image at evenly spread steps.

    Attributes:
        steps: how many steps to visit, each one network evaluation unless the solver says otherwise.
        spacing: how they are spread over the model's timesteps.
        clip: whether estimates of the clean image are clipped to [-1, 1].
    """

    steps: Positive = 30
    spacing: solvers.Spacing = "uniform"
    clip: bool = True

    @abstractmethod
    def solve(
        self,
        denoise: solvers.Denoise,
        process: Process,
        grid: Sequence[int],
        noise: Tensor,
        normal: solvers.Normal,
    ) -> solvers.States:
        """Run the solver with its own settings."""

    def check(self, networks: Mapping[str, nn.Module]) -> None:
        timesteps = self._denoiser(networks).timesteps
        if self.steps > timesteps:
            raise SettingError(f"sampler.steps={self.steps}: at most the model's {timesteps} timesteps")

    def classes(self, networks: Mapping[str, nn.Module]) -> int:
        return self._denoiser(networks).classes

    def noise_shape(self, networks: Mapping[str, nn.Module], shape: ImageShape) -> tuple[int, ...]:
        return (shape.channels, shape.resolution, shape.resolution)

    def path(
        self,
        networks: Mapping[str, nn.Module],
        noise: Tensor,
        labels: Tensor | None,
        streams: Streams,
        frames: int,
    ) -> Iterator[Tensor]:
        denoiser = self._denoiser(networks)
        grid = solvers.visited(denoiser.timesteps, self.steps, self.spacing)
        shown = np.rint(np.linspace(0 if frames > 1 else self.steps, self.steps, frames)).tolist()
        states = self.solve(self._denoise(denoiser, labels), denoiser.process, grid, noise, streams.normal)
        for place, (_, clean) in enumerate(states):
            for _ in range(shown.count(place)):
                yield clean

    def nfe(self, networks: Mapping[str, nn.Module]) -> int:
        return self.steps

    def _denoiser(self, networks: Mapping[str, nn.Module]) -> Denoiser:
        return only(networks, Denoiser, f"sampler.name={type(self).__name__.lower()!r}")

    def _denoise(self, denoiser: Denoiser, labels: Tensor | None) -> solvers.Denoise:
        def denoise(x: Tensor, step: int) -> tuple[Tensor, Tensor]:
            steps = torch.full((len(x),), step, device=x.device)
            x0 = denoiser.clean(x, steps, denoiser(x, steps, labels))
            if self.clip:
                x0 = x0.clamp(-1.0, 1.0)
            return x0, (x - denoiser.alpha[step] * x0) / denoiser.sigma[step]

        return denoise


@settings
class DDIM(DiffusionSampler):
    """DDIM.

    Attributes:
        eta: 0 deterministic, 1 as noisy as DDPM.
    """

    eta: Fraction = 0.0

    def solve(
        self,
        denoise: solvers.Denoise,
        process: Process,
        grid: Sequence[int],
        noise: Tensor,
        normal: solvers.Normal,
    ) -> solvers.States:
        return solvers.ddim(denoise, process, grid, noise, normal, eta=self.eta)


@settings
class DDPM(DiffusionSampler):
    """Ancestral sampling.

    Attributes:
        variance: the posterior's ("small") or the forward process's ("large").
    """

    steps: Positive = 1000
    variance: Literal["small", "large"] = "small"

    def solve(
        self,
        denoise: solvers.Denoise,
        process: Process,
        grid: Sequence[int],
        noise: Tensor,
        normal: solvers.Normal,
    ) -> solvers.States:
        return solvers.ddpm(denoise, process, grid, noise, normal, variance=self.variance)
