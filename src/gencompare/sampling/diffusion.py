"""Samplers of diffusion models, and the one place where a network becomes a denoiser."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from gencompare.config.typed import SettingError
from gencompare.models.parts.diffusion import Denoiser
from gencompare.models.parts.lookup import only
from gencompare.models.parts.shape import ImageShape
from gencompare.sampling import solvers
from gencompare.sampling.base import Sampler, Streams
from gencompare.sampling.settings import DDIM, Diffusion, Heun

Solver = Callable[..., solvers.States]
"""From (denoise, process, grid, x, normal), as described in `solvers`."""


class DiffusionSampler(Sampler):
    """A sampler of `Denoiser` networks. Its path runs over evenly spread steps, from noise to the sample."""

    def __init__(self, name: str, solver: Solver, config: Diffusion) -> None:
        self.name, self.solver, self.config = name, solver, config

    def check(self, networks: Mapping[str, nn.Module]) -> None:
        denoiser, config = self.denoiser(networks), self.config
        if config.steps > denoiser.timesteps:
            raise SettingError(
                f"sampler.steps={config.steps}: at most the model's {denoiser.timesteps} timesteps"
            )
        if config.guidance_scale != 1.0 and not denoiser.classes:
            raise SettingError(
                f"sampler.guidance_scale={config.guidance_scale}: must be 1, since the model takes no labels;"
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
        denoiser, steps = self.denoiser(networks), self.config.steps
        grid = solvers.visited(denoiser.timesteps, steps)
        shown = np.rint(np.linspace(0 if frames > 1 else steps, steps, frames)).tolist()
        states = self.solver(self.denoise(denoiser, labels), denoiser.process, grid, noise, streams.normal)
        for place, state in enumerate(states):
            for _ in range(shown.count(place)):
                yield state

    def nfe(self, networks: Mapping[str, nn.Module]) -> int:
        return self.config.steps * (1 if self.config.guidance_scale == 1.0 else 2)

    def denoiser(self, networks: Mapping[str, nn.Module]) -> Denoiser:
        """The network to sample from."""
        return only(networks, Denoiser, f"sampler.name={self.name!r}")

    def denoise(self, denoiser: Denoiser, labels: Tensor | None) -> solvers.Denoise:
        """Wrap a network and its labels as estimates of x_0 and eps, guided and clipped as set."""
        scale, clip = self.config.guidance_scale, self.config.clip_x0

        def denoise(x: Tensor, step: int) -> tuple[Tensor, Tensor]:
            steps = torch.full((len(x),), step, device=x.device)
            output = denoiser(x, steps, labels)
            if scale != 1.0:
                unconditional = denoiser(x, steps, None)
                output = unconditional + scale * (output - unconditional)
            x0 = denoiser.clean(x, steps, output)
            if clip:
                x0 = x0.clamp(-1.0, 1.0)
            return x0, (x - denoiser.alpha[step] * x0) / denoiser.sigma[step]

        return denoise


class DDIMSampler(DiffusionSampler):
    """DDIM, which can lead images back to noise."""

    def __init__(self, config: DDIM) -> None:
        super().__init__("ddim", partial(solvers.ddim, eta=config.eta), config)

    def inverts(self, networks: Mapping[str, nn.Module]) -> bool:
        return True

    def invert(self, networks: Mapping[str, nn.Module], images: Tensor, labels: Tensor | None) -> Tensor:
        """Follow DDIM's deterministic path backwards (arXiv:2010.02502, section 4.3)."""
        denoiser = self.denoiser(networks)
        grid = solvers.visited(denoiser.timesteps, self.config.steps)[::-1]
        return solvers.ddim_inversion(self.denoise(denoiser, labels), denoiser.process, grid, images)


class HeunSampler(DiffusionSampler):
    """Heun's method, whose evaluations are not its steps."""

    def __init__(self, config: Heun) -> None:
        super().__init__("heun", solvers.heun, config)

    def nfe(self, networks: Mapping[str, nn.Module]) -> int:
        return (2 * self.config.steps - 1) * (1 if self.config.guidance_scale == 1.0 else 2)
