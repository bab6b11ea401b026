"""Does training on a card do what it does on the CPU, and how fast? Every family in small, from losses to scores.

    python benchmarks/cuda_check.py --device cuda
    make gpu-check

For each family: 20 steps on the device and on the CPU from the same weights, images and noise, in float32, their losses
compared; a training cut short and gone on with; samples and their score; images a second and peak memory, with batches of
256. It prints a table and ends with 1 where losses differ by more than
`TOLERANCE`, or a training did not go on where it was cut short.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fashion import contender
from torch import Tensor, nn
from turns import say

from gencompare.config.contender import Contender
from gencompare.evaluation.distances import kernel_distance
from gencompare.evaluation.features import extract, make_extractor
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.imagesets.arrays import Images
from gencompare.imagesets.squares import Squares
from gencompare.models.parts.precision import full_precision
from gencompare.models.parts.shape import ImageShape
from gencompare.objectives.base import Objective
from gencompare.sampling.base import Sampler, fit, load
from gencompare.sampling.images import sample
from gencompare.training.budget import measure_speed
from gencompare.training.device import describe_device, pick_device
from gencompare.training.loop import Trained, prepare, seeded, take_step, train
from gencompare.training.progress import Row, Stopped, observing, stopping

FAMILIES = {
    "vanilla GAN": "vanilla_gan",
    "DCGAN": "dcgan",
    "LSGAN": "lsgan",
    "WGAN-GP": "wgan_gp",
    "progressive GAN": "progressive_gan",
    "residual GAN": "resnet_wgan_gp",
    "self-attention GAN": "attention_gan",
    "R3GAN": "r3gan",
    "VAE": "vae",
    "VQ-VAE": "vq_vae",
    "DDPM": "ddpm",
    "flow": "flow",
    "EDM": "edm",
    "consistency": "consistency",
}
SEED = 0
STEPS = 20
TOLERANCE = 0.005
"""Between losses on two devices: the largest difference, over the largest loss of the same network on the CPU."""


@dataclass(frozen=True)
class Size:
    """How large the check is: pixels a side, training images, and what else decides how long it takes."""

    resolution: int = 32
    images: int = 4096
    steps: int = 100
    samples: int = 512
    seconds: float = 5.0
    batch: int | None = 256

    @property
    def shape(self) -> ImageShape:
        return ImageShape(channels=3, resolution=self.resolution)


QUICK = Size(resolution=16, images=128, steps=12, samples=16, seconds=0.01, batch=16)


@dataclass(frozen=True)
class Found:
    """What was found of a family.

    Attributes:
        apart: the largest difference between losses on the device and on the CPU (see `TOLERANCE`).
        resumed: whether a training that was cut short ended as one that was not: to the byte on a CPU, else by
            its steps and a finite history.
        images_per_second: of training.
        sampled_per_second: images.
        peak_memory_mb: of training.
        score: the kernel distance of its samples to as many real images.
    """

    apart: float
    resumed: bool
    images_per_second: float
    sampled_per_second: float
    peak_memory_mb: float
    score: float

    @property
    def well(self) -> bool:
        return self.apart <= TOLERANCE and self.resumed and bool(np.isfinite(self.score))


def check(name: str, device: torch.device, size: Size, folder: Path) -> Found:
    """Put one family through everything."""
    chosen = contender(name)
    images = Squares(count=size.images, resolution=size.resolution).draw("train", 0, size.images)
    batch = size.batch or chosen.training.batch_size
    settings = replace(
        chosen.training,
        batch_size=batch,
        kimg=size.steps * batch / 1000,
        rows=10,
        validations=0,
        checkpoint_seconds=0,
        device=device.type,
    )
    family = Family(replace(chosen, training=settings), images, size.shape)
    whole = family.train(folder / "whole")
    sampler = family.sampler(whole.weights, device)
    sample(sampler, 1, None, SEED)  # warms up
    started = time.perf_counter()
    made = sample(sampler, size.samples, None, SEED)
    sampled_per_second = size.samples / (time.perf_counter() - started)
    speed = measure_speed(family.objective, images, settings, seed=SEED, seconds=size.seconds)
    return Found(
        apart=losses_apart(family.losses(device), family.losses(torch.device("cpu"))),
        resumed=same_end(whole, family.train_in_two(folder / "cut"), device),
        images_per_second=1.0 / speed.seconds_per_image,
        sampled_per_second=sampled_per_second,
        peak_memory_mb=whole.cost["peak_memory_mb"],
        score=score(made, images.images[: size.samples], device),
    )


@dataclass(frozen=True)
class Family:
    """A contender, its training images and their shape."""

    chosen: Contender
    images: Images
    shape: ImageShape

    def objective(self) -> Objective:
        """Make it with fresh networks."""
        return self.chosen.objective.objective(self.chosen.model.networks(self.shape))

    def sampler(self, weights: dict[str, Tensor], device: torch.device) -> Sampler:
        """Make it of trained weights."""
        parts = (self.chosen.model, self.chosen.sampler, weights, self.shape)
        return load(*parts, fitted=fit(*parts, self.images.images, weights, device), device=device)

    def train(self, folder: Path) -> Trained:
        """Train to the end."""
        settings = self.chosen.training
        return train(self.objective, self.images, settings, name="check", seed=SEED, folder=folder)

    def train_in_two(self, folder: Path) -> Trained:
        """Ask a training to stop after its fourth history row, and go on from its checkpoint."""
        rows = []

        def stop(_: str, row: Row, kimg: float) -> None:
            rows.append(row)
            if len(rows) == 4:
                stopping.set()

        try:
            with observing(stop), suppress(Stopped):
                self.train(folder)
        finally:
            stopping.clear()
        return self.train(folder)

    def losses(self, device: torch.device) -> np.ndarray:
        """The losses of the first steps, (STEPS, networks), in float32, without dropout, by the CPU's random numbers.

        At a tenth of the learning rate, for at the whole of it a GAN makes 7 % of what was rounding 20 steps before.
        """
        training = self.chosen.training
        rates = (
            training.lr
            if isinstance(training.lr, dict)
            else dict.fromkeys(self.objective().networks, training.lr)
        )
        settings = replace(
            training,
            kimg=STEPS * training.batch_size / 1000,
            lr={name: rate / 10 for name, rate in rates.items()},
        )
        with seeded(SEED, device), full_precision(), cpu_noise():
            state, feed = prepare(self.objective(), self.images, settings, SEED, device)
            for module in (
                part for network in state.objective.networks.values() for part in network.modules()
            ):
                if isinstance(module, nn.modules.dropout._DropoutNd):
                    module.p = 0.0
            found = []
            for step in range(STEPS):
                if state.objective.advance(step / STEPS):
                    state.begin_stage()
                values = take_step(state, feed, settings, step / STEPS)
                found.append([float(value) for key, value in values.items() if key.startswith("loss/")])
        return np.array(found)


@contextmanager
def cpu_noise() -> Iterator[None]:
    """Draw random numbers on the CPU and send them to where they are wanted, so that devices get the same."""

    def on_cpu(draw: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def drawn(*arguments: Any, device: Any = None, **options: Any) -> Tensor:
            return draw(*arguments, **options).to(device or "cpu")

        return drawn

    def like(tensor: Tensor) -> Tensor:
        return randn(tensor.shape).to(tensor.device)

    randn, rand, randint, randn_like = torch.randn, torch.rand, torch.randint, torch.randn_like
    torch.randn, torch.rand, torch.randint = on_cpu(randn), on_cpu(rand), on_cpu(randint)
    torch.randn_like = like
    try:
        yield
    finally:
        torch.randn, torch.rand, torch.randint, torch.randn_like = randn, rand, randint, randn_like


def losses_apart(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference of a network's losses over the largest of them."""
    return float((np.abs(found - expected).max(0) / np.abs(expected).max(0)).max())


def same_end(whole: Trained, cut: Trained, device: torch.device) -> bool:
    """Whether a training that was cut short ended as the whole one (see `Found`)."""
    if device.type == "cpu":
        same = all(torch.equal(cut.weights[key], value) for key, value in whole.weights.items())
        return same and whole.history.equals(cut.history)
    finite = bool(np.isfinite(cut.history.to_numpy()).all())
    return finite and cut.status == whole.status and cut.history["kimg"].equals(whole.history["kimg"])


def score(made: np.ndarray, real: np.ndarray, device: torch.device) -> float:
    """The kernel distance of samples to as many real images by the default extractor's features."""
    settings = EvaluationSettings(device=device.type)
    extractor = make_extractor(settings.extractor)
    found = [extract(images, extractor, settings) for images in (made, real)]
    return float(kernel_distance(*found, [np.arange(len(made))])[0])


def main() -> None:
    """Check and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--families", nargs="+", choices=list(FAMILIES), default=list(FAMILIES))
    parser.add_argument("--quick", action="store_true", help="hardly any steps, as for the tests")
    asked = parser.parse_args()
    device = pick_device(asked.device)
    size = QUICK if asked.quick else Size()
    say(f"{describe_device(device)}, torch {torch.__version__}\n")
    say("| family | losses apart | resumed | images/s trained | images/s sampled | peak memory, MB | KD | |")
    say("| --- | --- | --- | --- | --- | --- | --- | --- |")
    well = []
    for family in asked.families:
        with tempfile.TemporaryDirectory() as folder:
            found = check(FAMILIES[family], device, size, Path(folder))
        well.append(found.well)
        speeds = f"{found.images_per_second:,.0f} | {found.sampled_per_second:,.0f}"
        numbers = f"{found.apart:.1e} | {_word(found.resumed)} | {speeds} | {found.peak_memory_mb:,.0f}"
        say(f"| {family} | {numbers} | {found.score:.3f} | {'well' if found.well else 'NOT WELL'} |")
    sys.exit(not all(well))


def _word(fact: bool) -> str:
    return "yes" if fact else "NO"


if __name__ == "__main__":
    main()
