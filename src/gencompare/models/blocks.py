"""What several model families share: the latent-variable contract, checks, weight initialisation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn

from gencompare.config.typed import SettingError
from gencompare.models.shape import ImageShape

Precision = Literal["auto", "bfloat16", "float32"]
Network = TypeVar("Network", bound=nn.Module)


class LatentModel(nn.Module):
    """A network that makes an image from one draw of a standard normal latent vector.

    Attributes:
        latent_dim: length of the latent vector.
        classes: how many labels it is conditioned on, 0 for none.
    """

    latent_dim: int
    classes: int = 0

    def generate(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Make float images (N, C, H, W) in [-1, 1] from latents (N, latent_dim) and labels int64 (N,)."""
        raise NotImplementedError


def check_resolution(shape: ImageShape, model: str, smallest: int = 16, largest: int = 128) -> None:
    """Refuse a resolution that is no power of two, or out of a model's range.

    Raises:
        SettingError: with the resolutions that the model can make.
    """
    allowed = [2**power for power in range(2, 12) if smallest <= 2**power <= largest]
    if shape.resolution not in allowed:
        raise SettingError(
            f"resolution={shape.resolution}: {model} makes {', '.join(map(str, allowed))} pixels a side;"
            f" set resolution to one of these"
        )


def check_labels(shape: ImageShape, conditional: bool) -> None:
    """Refuse to condition on labels that the image set does not have.

    Raises:
        SettingError: naming the setting.
    """
    if conditional and not shape.classes:
        raise SettingError("conditional=True: the image set has no labels; set conditional to false")


def mixed_precision(device: torch.device, precision: Precision) -> torch.autocast:
    """Let convolutions and matrix products run in bfloat16; weights stay float32.

    "auto" does so where the device computes bfloat16 in hardware, which makes them about twice as fast.
    """
    wanted = precision == "bfloat16" or (precision == "auto" and _has_bfloat16(device.type))
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted and not _in_full_precision.get())


@contextmanager
def full_precision() -> Iterator[None]:
    """Compute in float32 inside, whatever precision the networks would have (for gradient penalties)."""
    token = _in_full_precision.set(True)
    try:
        yield
    finally:
        _in_full_precision.reset(token)


_in_full_precision: ContextVar[bool] = ContextVar("full_precision", default=False)


@cache
def _has_bfloat16(device_type: str) -> bool:
    if device_type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


class Norm(nn.Module):
    """Batch normalisation, its gain and bias looked up by label where there are classes (arXiv:1610.07629)."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=not classes)
        self.by_label = nn.Embedding(classes, 2 * channels) if classes else None
        if self.by_label is not None:
            nn.init.zeros_(self.by_label.weight)

    def forward(self, x: Tensor, labels: Tensor | None) -> Tensor:
        x = self.norm(x)
        if self.by_label is None:
            return x
        assert labels is not None, "a conditional generator needs labels"
        gain, bias = self.by_label(labels)[:, :, None, None].chunk(2, dim=1)
        return x * (1.0 + gain) + bias


def projected(logit: Tensor, features: Tensor, label: nn.Embedding | None, labels: Tensor | None) -> Tensor:
    """Logits (N,) plus the inner product of features (N, D) and label embeddings (arXiv:1802.05637, equation 3)."""
    if label is None:
        return logit
    assert labels is not None, "a conditional discriminator needs labels"
    return logit + (label(labels) * features).sum(1)


def normal_init(network: nn.Module, deviation: float = 0.02) -> None:
    """Draw weights from N(0, deviation²) and set biases to 0 (DCGAN, arXiv:1511.06434, section 4)."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.normal_(module.weight, 0.0, deviation)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def require(networks: Mapping[str, nn.Module], name: str, kind: type[Network], setting: str) -> Network:
    """The network of this name and kind.

    Raises:
        SettingError: if there is none, naming the setting that needs it.
    """
    network = networks.get(name)
    if not isinstance(network, kind):
        raise SettingError(f"{setting}: needs a network {name!r} ({kind.__name__}); {_described(networks)}")
    return network


def only(networks: Mapping[str, nn.Module], kind: type[Network], setting: str) -> Network:
    """The one network of this kind, whatever its name.

    Raises:
        SettingError: if there is none or more than one, naming the setting that needs it.
    """
    found = [network for network in networks.values() if isinstance(network, kind)]
    if len(found) != 1:
        raise SettingError(f"{setting}: needs one network of kind {kind.__name__}; {_described(networks)}")
    return found[0]


def _described(networks: Mapping[str, nn.Module]) -> str:
    given = ", ".join(f"{name} ({type(network).__name__})" for name, network in networks.items())
    return f"the model has {given}; choose a model and an objective or sampler that belong together"
