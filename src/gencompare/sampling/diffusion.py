"""Samplers of diffusion models, and the one place where a network becomes a denoiser."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from gencompare.config.typed import SettingError
from gencompare.models.parts.diffusion import Denoiser
from gencompare.models.parts.lookup import only
from gencompare.models.parts.shape import ImageShape
from gencompare.sampling import solvers
from gencompare.sampling.base import Sampler, Streams
from gencompare.sampling.settings import Diffusion

Solver = Callable[..., solvers.States]
"""From (denoise, process, grid, x, normal), as described in `solvers`."""


class DiffusionSampler(Sampler):
    """A sampler of a `Denoiser`. Its path runs over evenly spread steps, from noise to the sample.

    Args:
        name: its name in SAMPLERS.
        solver: one of `solvers`, with arguments of its own filled in.
        config: its settings.
        networks: the denoiser is one of them.
        shape: of its images.
        evaluations: of the denoiser for one image without guidance; as many as steps where not given.

    Raises:
        SettingError: where there is no one denoiser, or it cannot be sampled with these settings.
    """

    def __init__(
        self,
        name: str,
        solver: Solver,
        config: Diffusion,
        networks: Mapping[str, nn.Module],
        shape: ImageShape,
        evaluations: int | None = None,
    ) -> None:
        super().__init__(networks)
        self.name, self.solver, self.config = name, solver, config
        self.noise_shape = (shape.channels, shape.resolution, shape.resolution)
        self.denoiser = only(networks, Denoiser, f"sampler.name={name!r}")
        self.classes = self.denoiser.classes
        self.nfe = (evaluations or config.steps) * (1 if config.guidance_scale == 1.0 else 2)
        if config.steps > self.denoiser.timesteps:
            raise SettingError(
                f"sampler.steps={config.steps}: at most the model's {self.denoiser.timesteps} timesteps"
            )
        if config.guidance_scale != 1.0 and not self.classes:
            raise SettingError(
                f"sampler.guidance_scale={config.guidance_scale}: must be 1, since the model takes no labels;"
                " set model.conditional to true"
            )

    def path(self, noise: Tensor, labels: Tensor | None, streams: Streams, frames: int) -> Iterator[Tensor]:
        steps, process = self.config.steps, self.denoiser.process
        grid = solvers.visited(self.denoiser.timesteps, steps)
        shown = np.rint(np.linspace(0 if frames > 1 else steps, steps, frames)).tolist()
        states = self.solver(self.denoise(labels), process, grid, noise, streams.normal)
        for place, (_, foreseen) in enumerate(states):
            for _ in range(shown.count(place)):
                yield foreseen

    def denoise(self, labels: Tensor | None) -> solvers.Denoise:
        """Wrap the network and its labels as estimates of x_0 and eps, guided and clipped as set."""
        denoiser, scale = self.denoiser, self.config.guidance_scale

        def denoise(x: Tensor, step: int) -> tuple[Tensor, Tensor]:
            steps = torch.full((len(x),), step, device=x.device)
            output = denoiser(x, steps, labels)
            if scale != 1.0:
                unconditional = denoiser(x, steps, None)
                output = unconditional + scale * (output - unconditional)
            x0 = denoiser.clean(x, steps, output)
            if self.config.clip_x0:
                x0 = x0.clamp(-1.0, 1.0)
            return x0, (x - denoiser.alpha[step] * x0) / denoiser.sigma[step]

        return denoise


class DDIMSampler(DiffusionSampler):
    """The one that can lead images back to noise."""

    inverts = True

    def invert(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """Follow DDIM's deterministic path backwards (arXiv:2010.02502, section 4.3)."""
        grid = solvers.visited(self.denoiser.timesteps, self.config.steps)[::-1]
        return solvers.ddim_inversion(self.denoise(labels), self.denoiser.process, grid, images)
