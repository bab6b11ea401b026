"""What a sampler is, its noise, and how it is made of saved weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import joblib
import numpy as np
import torch
from torch import Tensor, nn

from gencompare.config.typed import SettingError
from gencompare.models.parts.shape import ImageShape
from gencompare.models.parts.weights import Weights, load_weights
from gencompare.sampling.settings import SamplerSettings

CPU_BATCH = 64
"""Images that are made at once on a CPU."""
CUDA_PIXELS = 2**20
"""Places of the images that are made at once on CUDA: 1,024 images of 32 pixels a side, 64 of 128."""


class Streams:
    """One counter-based random stream an image, so that an image's noise depends on its seed and index alone.

    It is drawn on the CPU, that it may be the same everywhere: for CUDA by all cores, while the card computes.

    Args:
        seed: 0 or more.
        indices: one stream (numpy's Philox, keyed by seed and index) for each.
    """

    def __init__(self, seed: int, indices: Sequence[int], device: torch.device) -> None:
        self.device = device
        self.generators = [np.random.Generator(np.random.Philox(key=[seed, index])) for index in indices]

    def normal(self, *shape: int) -> Tensor:
        """The next standard normal draw of every stream: float32 (streams, *shape)."""
        on_cuda = self.device.type == "cuda"
        draws = torch.empty((len(self.generators), *shape), pin_memory=on_cuda)
        rows = draws.numpy()

        def draw(chosen: slice) -> None:
            for generator, row in zip(self.generators[chosen], rows[chosen], strict=True):
                generator.standard_normal(dtype=np.float32, out=row)

        if on_cuda:
            share = -(-len(rows) // joblib.cpu_count())
            with ThreadPoolExecutor() as threads:
                list(threads.map(draw, (slice(k, k + share) for k in range(0, len(rows), share))))
        else:
            draw(slice(None))
        return draws.to(self.device, non_blocking=True)


class Sampler(ABC):
    """Trained networks, ready to make images from noise of a known shape.

    Attributes:
        name: its name in SAMPLERS.
        networks: as a model made them, with trained weights (averaged ones where there are), in evaluation mode.
        noise_shape: of the standard normal noise that one image starts from.
        classes: how many labels the images are conditioned on, 0 for none.
        nfe: network evaluations per image.
        inverts: whether `invert` can lead real images back to the noise they would come from.
        device: where it runs.
        batch: how many images are made at once.
    """

    name: str
    noise_shape: tuple[int, ...]
    classes: int
    nfe: int
    inverts: bool = False
    batch: int = CPU_BATCH

    def __init__(self, networks: Mapping[str, nn.Module]) -> None:
        self.networks = networks
        for network in networks.values():
            network.eval()
        self.device = next(p.device for network in networks.values() for p in network.parameters())

    @abstractmethod
    def path(self, noise: Tensor, labels: Tensor | None, streams: Streams, frames: int) -> Iterator[Tensor]:
        """Yield `frames` times on the way the samples that are foreseen (N, C, H, W), the last time the samples.

        Args:
            noise: (N, *noise_shape), float32.
            labels: int64 (N,), or None where not conditioned.
            streams: further noise for samplers that need some on the way.
            frames: 1 or more.
        """

    def invert(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """Find noise (N, *noise_shape) that leads to these images (N, C, H, W), at least nearly.

        Raises:
            SettingError: where there is no way back.
        """
        raise SettingError(
            f"sampler.name={self.name!r}: cannot lead real images back to noise; use ddim or euler, a VAE or a VQ-VAE"
        )


class Family(Protocol):
    """A model's settings (see `gencompare.models`)."""

    def networks(self, shape: ImageShape) -> dict[str, nn.Module]: ...


def fit(
    model: Family,
    sampler: SamplerSettings,
    weights: Weights,
    shape: ImageShape,
    images: np.ndarray,
    earlier: Weights,
    device: torch.device,
) -> dict[str, Tensor]:
    """Learn or take what the sampler needs beside saved weights, and is to be saved with them.

    Args:
        model, sampler: their settings.
        weights: keyed `<network>.<name>`; networks without weights are left out.
        images: for training, uint8 (N, H, W, C).
        earlier: weights of earlier in the same training, keyed alike; none where none were kept.
    """
    found = sampler.fit(_networks(model, weights, shape, device), images, earlier)
    return {name: tensor.cpu().contiguous() for name, tensor in found.items()}


def load(
    model: Family,
    sampler: SamplerSettings,
    weights: Weights,
    shape: ImageShape,
    *,
    fitted: Weights,
    device: torch.device,
) -> Sampler:
    """Put saved weights into a model's fresh networks, and make the sampler of them.

    Args:
        model, sampler: their settings.
        weights: keyed `<network>.<name>`; networks without weights are left out.
        fitted: what `fit` returned.
    """
    made = sampler.sampler(_networks(model, weights, shape, device), shape, fitted)
    made.batch = images_at_once(shape.resolution, device)
    return made


def _networks(
    model: Family, weights: Weights, shape: ImageShape, device: torch.device
) -> dict[str, nn.Module]:
    networks = load_weights(model.networks(shape), weights)
    for network in networks.values():
        network.to(device).to(memory_format=torch.channels_last)
    return networks


def images_at_once(resolution: int, device: torch.device) -> int:
    """How many images of a resolution a sampler makes at once on a device."""
    return CPU_BATCH if device.type == "cpu" else max(1, CUDA_PIXELS // resolution**2)
