"""A U-Net for denoising (DDPM, arXiv:2006.11239), on pixel-unshuffled images to save time on CPUs."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gencompare.models.parts.diffusion import OUTPUTS, PROCESSES, Denoiser
from gencompare.models.parts.layers import normal_init
from gencompare.models.parts.precision import mixed_precision
from gencompare.models.parts.shape import ImageShape
from gencompare.models.parts.widths import HEAD_WIDTH
from gencompare.models.settings import UNet


def networks(config: UNet, shape: ImageShape) -> dict[str, nn.Module]:
    """A fresh denoiser."""
    denoiser = Denoiser(
        Backbone(config, shape),
        process=PROCESSES[config.process](config.timesteps, config.shift),
        prediction=config.prediction,
        classes=shape.classes_if(config.conditional),
    )
    return {"denoiser": denoiser}


class Backbone(nn.Module):
    """(noisy images (N, C, R, R), steps (N,), labels (N,) or None) to outputs (N, C or 3 C, R, R).

    The first C outputs' best linear estimate, gain times the noisy image plus bias, is learned from step and
    label alone, so that the convolutions need only learn what is left. EDM sets it by formula
    (arXiv:2206.00364, equation 7); learned, it also fits images whose mean is far from grey.
    """

    def __init__(self, config: UNet, shape: ImageShape) -> None:
        super().__init__()
        widths, embedding = config.widths, 4 * config.widths[0]
        attention = [side in config.attention for side in config.sides(shape.resolution)]
        self.patch, self.precision = config.patch, config.precision
        predicted = shape.channels * OUTPUTS[config.prediction]
        self.time = TimeEmbedding(config.widths[0], embedding)
        self.label = nn.Embedding(shape.classes + 1, embedding) if config.conditional else None
        self.linear = normal_init(nn.Linear(embedding, 2 * shape.channels))
        self.stem = nn.Conv2d(shape.channels * config.patch**2, widths[0], 3, padding=1)

        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        skips, width = [], widths[0]
        for level, outputs in enumerate(widths):
            if level:
                self.down.append(nn.Conv2d(width, width, 3, stride=2, padding=1))
            for _ in range(config.blocks):
                self.down.append(Block(width, outputs, embedding, config.dropout, attention[level]))
                width = outputs
                skips.append(width)
        self.middle = Block(width, width, embedding, config.dropout, attention[-1])
        for level, outputs in reversed(list(enumerate(widths))):
            for _ in range(config.blocks):
                inputs = width + skips.pop()
                self.up.append(Block(inputs, outputs, embedding, config.dropout, attention[level]))
                width = outputs
            if level:
                self.up.append(
                    nn.Sequential(nn.Conv2d(width, widths[level - 1], 1), nn.Upsample(scale_factor=2))
                )
                width = widths[level - 1]

        self.head = nn.Sequential(
            nn.GroupNorm(8, width),
            nn.SiLU(),
            normal_init(nn.Conv2d(width, predicted * config.patch**2, 3, padding=1)),
        )

    def forward(self, noisy: Tensor, step: Tensor, labels: Tensor | None = None) -> Tensor:
        embedding = self.time(step)  # (N, E)
        if self.label is not None:
            embedding = embedding + self.label(labels)
        embedding = F.silu(embedding)
        gain, bias = self.linear(embedding)[:, :, None, None].chunk(2, dim=1)  # (N, C, 1, 1)
        with mixed_precision(noisy.device, self.precision):
            output = self.body(F.pixel_unshuffle(noisy, self.patch), embedding)
        output = F.pixel_shuffle(output.float(), self.patch)  # (N, predicted, R, R)
        first, rest = output.split([noisy.shape[1], output.shape[1] - noisy.shape[1]], dim=1)
        return torch.cat([gain * noisy + bias + first, rest], dim=1)

    def body(self, folded: Tensor, embedding: Tensor) -> Tensor:
        """Folded images (N, C patch², side, side) to outputs (N, predicted patch², side, side), side = R / patch."""
        hidden = self.stem(folded)  # (N, widths[0], R / patch, R / patch)
        skips = []
        for layer in self.down:
            if isinstance(layer, Block):
                hidden = layer(hidden, embedding)
                skips.append(hidden)
            else:
                hidden = layer(hidden)
        hidden = self.middle(hidden, embedding)
        for layer in self.up:
            if isinstance(layer, Block):
                hidden = layer(torch.cat([hidden, skips.pop()], dim=1), embedding)
            else:
                hidden = layer(hidden)
        return self.head(hidden)


class Block(nn.Module):
    """Residual block of two normalised convolutions, modulated by the embedding; then attention if asked."""

    def __init__(self, inputs: int, outputs: int, embedding: int, dropout: float, attention: bool) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(8, inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.modulation = nn.Linear(embedding, 2 * outputs)
        self.norm2 = nn.GroupNorm(8, outputs)
        self.dropout = nn.Dropout2d(dropout)
        self.conv2 = normal_init(nn.Conv2d(outputs, outputs, 3, padding=1))
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        self.attention = Attention(outputs) if attention else nn.Identity()

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        scale, shift = self.modulation(embedding)[:, :, None, None].chunk(2, dim=1)  # (N, outputs, 1, 1)
        hidden = self.conv1(F.silu(self.norm1(x)))
        hidden = self.norm2(hidden) * (1 + scale) + shift
        hidden = self.conv2(self.dropout(F.silu(hidden)))
        return self.attention(self.skip(x) + hidden)


class Attention(nn.Module):
    """Residual self-attention over all places: heads of 32 channels where the width is a multiple of them, else one."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = width // HEAD_WIDTH if width % HEAD_WIDTH == 0 else 1
        self.norm = nn.GroupNorm(8, width)
        self.qkv = nn.Conv2d(width, 3 * width, 1)
        self.out = normal_init(nn.Conv2d(width, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        n, width, height, breadth = x.shape
        qkv = self.qkv(self.norm(x)).flatten(2).transpose(1, 2)  # (N, places, 3 width)
        if x.device.type == "cpu":
            qkv = qkv.float()  # in bfloat16 it is far slower there
        query, key, value = qkv.reshape(n, height * breadth, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        with torch.autocast(x.device.type, enabled=False):
            mixed = F.scaled_dot_product_attention(query, key, value)  # (N, heads, places, width / heads)
        mixed = mixed.permute(0, 1, 3, 2).reshape(n, width, height, breadth)
        return x + self.out(mixed)


class TimeEmbedding(nn.Module):
    """Steps (N,) to features (N, outputs): sinusoids as in Transformers, then two linear layers."""

    frequencies: Tensor

    def __init__(self, width: int, outputs: int) -> None:
        super().__init__()
        frequencies = torch.exp(-math.log(10_000.0) * torch.arange(width // 2) / (width // 2))
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.layers = nn.Sequential(nn.Linear(width, outputs), nn.SiLU(), nn.Linear(outputs, outputs))

    def forward(self, step: Tensor) -> Tensor:
        angles = step[:, None].float() * self.frequencies  # (N, width / 2)
        return self.layers(torch.cat([angles.cos(), angles.sin()], dim=1))
