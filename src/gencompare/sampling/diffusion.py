"""Samplers of diffusion models, and the one place where a network becomes a denoiser."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from gencompare.config.typed import SettingError
from gencompare.models.parts.diffusion import Denoiser, Process
from gencompare.models.parts.lookup import only
from gencompare.models.parts.shape import ImageShape
from gencompare.models.parts.weights import Weights, load_weights
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
        fitted: weights that the denoiser had earlier, where its earlier self guides it.
        evaluations: for one image without guidance; as many as steps where not given.
        via: ratios sigma / alpha of the noise at which to stop on the way, in place of evenly spread steps.

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
        fitted: Weights,
        evaluations: int | None = None,
        via: Sequence[float] | None = None,
    ) -> None:
        super().__init__(networks)
        self.name, self.solver, self.config = name, solver, config
        self.noise_shape = (shape.channels, shape.resolution, shape.resolution)
        self.denoiser = only(networks, Denoiser, f"sampler.name={name!r}")
        self.classes = self.denoiser.classes
        self.earlier = None if config.autoguidance == 1.0 else _with(fitted, networks, self.denoiser)
        self.nfe = (evaluations or config.steps) * config.evaluations
        if config.steps > self.denoiser.timesteps:
            raise SettingError(
                f"sampler.steps={config.steps}: at most the model's {self.denoiser.timesteps} timesteps"
            )
        process = self.denoiser.process
        self.grid = process.visited(config.steps) if via is None else _stops(process, via)
        if config.guidance_scale != 1.0 and not self.classes:
            raise SettingError(
                f"sampler.guidance_scale={config.guidance_scale}: must be 1, since the model takes no labels;"
                " set model.conditional to true"
            )

    def path(self, noise: Tensor, labels: Tensor | None, streams: Streams, frames: int) -> Iterator[Tensor]:
        steps, process = len(self.grid) - 1, self.denoiser.process
        shown = np.rint(np.linspace(0 if frames > 1 else steps, steps, frames)).tolist()
        start = process.sigma[-1] * noise
        states = self.solver(self.denoise(labels), process, self.grid, start, streams.normal)
        for place, (_, foreseen) in enumerate(states):
            for _ in range(shown.count(place)):
                yield foreseen

    def denoise(self, labels: Tensor | None) -> solvers.Denoise:
        """Wrap the network and its labels as estimates of x_0 and eps, guided and clipped as set."""
        denoiser, scale = self.denoiser, self.config.guidance_scale
        given = None if scale == 0.0 else labels

        def denoise(x: Tensor, step: int) -> tuple[Tensor, Tensor]:
            steps = torch.full((len(x),), step, device=x.device)
            output = plain = denoiser(x, steps, given)
            if scale not in (0.0, 1.0):
                unconditional = denoiser(x, steps, None)
                output = unconditional + scale * (plain - unconditional)
            if self.earlier is not None:
                output = output + (self.config.autoguidance - 1.0) * (plain - self.earlier(x, steps, given))
            x0 = denoiser.clean(x, steps, output)
            if self.config.clip_x0:
                x0 = x0.clamp(-1.0, 1.0)
            return x0, (x - denoiser.alpha[step] * x0) / denoiser.sigma[step]

        return denoise


class DDIMSampler(DiffusionSampler):
    """DDIM without noise on the way, or Euler's method on a flow: the one that can lead images back to noise."""

    inverts = True

    def invert(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """Follow DDIM's deterministic path backwards (arXiv:2010.02502, section 4.3)."""
        process = self.denoiser.process
        return (
            solvers.ddim_inversion(self.denoise(labels), process, self.grid[::-1], images) / process.sigma[-1]
        )


def _with(weights: Weights, networks: Mapping[str, nn.Module], denoiser: Denoiser) -> Denoiser:
    """A copy of one of the networks, a denoiser, with other weights.

    Raises:
        SettingError: where there are none of it.
    """
    name = next(name for name, network in networks.items() if network is denoiser)
    other = copy.deepcopy(denoiser).eval()
    if name not in load_weights({name: other}, weights):
        raise SettingError(
            "sampler.autoguidance: earlier weights to be guided by were not saved; train with it set"
        )
    return other


def _stops(process: Process, via: Sequence[float]) -> list[int]:
    """From the last step over those nearest to ratios sigma / alpha, falling, to 0.

    Raises:
        SettingError: unless these are different steps on the way.
    """
    ratios = np.divide(process.sigma[1:], np.maximum(process.alpha[1:], 1e-12))
    stops = [1 + int(np.abs(np.log(ratios / ratio)).argmin()) for ratio in via]
    grid = [len(process.alpha) - 1, *stops, 0]
    if any(after >= now for now, after in pairwise(grid)):
        raise SettingError(
            f"sampler.via={list(via)}: must fall, within the process's noise, {ratios[0]:.3g} to {ratios[-1]:.3g}"
        )
    return grid
