"""Layers, and a start for their weights, that several families share."""

from __future__ import annotations

import math
from typing import TypeVar

from torch import Tensor, nn
from torch.nn import functional as F

Network = TypeVar("Network", bound=nn.Module)


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


def normal_init(network: Network) -> Network:
    """Draw weights from N(0, 0.02²) and set biases to 0 (DCGAN, arXiv:1511.06434, section 4).

    A branch whose last layer starts so hardly counts at first, yet what is before it learns at once.
    """
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network


def he_init(layer: nn.Conv2d | nn.Linear, gain: float) -> nn.Conv2d | nn.Linear:
    """Draw weights from N(0, gain² / inputs) and set biases to 0 (arXiv:1502.01852)."""
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(layer.weight[0].numel()))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def shrunk(images: Tensor, factor: int) -> Tensor:
    """Average over blocks of factor x factor pixels."""
    return F.avg_pool2d(images, factor) if factor > 1 else images


def enlarged(images: Tensor, factor: int) -> Tensor:
    """Repeat every pixel factor x factor times: the inverse of `shrunk` on what it gives."""
    return F.interpolate(images, scale_factor=factor, mode="nearest") if factor > 1 else images
