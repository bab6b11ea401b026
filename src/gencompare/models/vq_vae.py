"""VQ-VAE (van den Oord et al. 2017, arXiv:1711.00937): images as a few codes, and a prior that writes such codes.

The prior is a causal transformer over the codes, line by line, as in VQGAN (arXiv:2012.09841, section 3.2).
"""

from __future__ import annotations

from collections.abc import Generator
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gencompare.models.parts.precision import mixed_precision
from gencompare.models.parts.shape import ImageShape
from gencompare.models.parts.widths import HEAD_WIDTH, doubling_widths
from gencompare.models.settings import VQVAE

DEAD = 0.02
"""A code used less often than this share of what all are used on average is put elsewhere."""


def networks(config: VQVAE, shape: ImageShape) -> dict[str, nn.Module]:
    """A fresh auto-encoder, and a fresh prior over its codes."""
    return {
        "autoencoder": AutoEncoder(config, shape),
        "prior": Prior(config, shape.classes_if(config.conditional)),
    }


class Quantised(NamedTuple):
    """What the auto-encoder makes of images.

    Attributes:
        reconstructions: (N, C, R, R) in [-1, 1].
        features: what the encoder says of each place, float32 (N side², code_dim).
        nearest: the codebook's vectors in their stead, the same shape.
        codes: which these are, int64 (N side²,).
    """

    reconstructions: Tensor
    features: Tensor
    nearest: Tensor
    codes: Tensor


class AutoEncoder(nn.Module):
    """Images (N, C, R, R) to codes (N, side²), line by line, and back."""

    def __init__(self, config: VQVAE, shape: ImageShape) -> None:
        super().__init__()
        self.side, self.precision = config.side, config.precision
        widths = doubling_widths(config.width, shape.halvings_to(config.side), config.max_width)
        down: list[nn.Module] = []
        for inputs, outputs in pairwise([shape.channels, *widths]):
            down += [nn.Conv2d(inputs, outputs, 4, 2, 1), nn.SiLU()]
        down += [Residual(widths[-1]), Residual(widths[-1]), nn.Conv2d(widths[-1], config.code_dim, 1)]
        self.encoder = nn.Sequential(*down)  # (N, code_dim, side, side)
        self.codebook = Codebook(config.codes, config.code_dim, config.codebook_decay)
        up: list[nn.Module] = [nn.Conv2d(config.code_dim, widths[-1], 3, padding=1)]
        up += [Residual(widths[-1]), Residual(widths[-1])]
        for inputs, outputs in pairwise([*widths[::-1], shape.channels]):
            up += [nn.SiLU(), nn.ConvTranspose2d(inputs, outputs, 4, 2, 1)]
        self.decoder = nn.Sequential(*up, nn.Tanh())  # (N, C, R, R)

    def encode(self, images: Tensor) -> Tensor:
        """Codes, int64 (N, side²)."""
        return self.codebook.nearest(self._features(images)).unflatten(0, (len(images), -1))

    def decode(self, vectors: Tensor) -> Tensor:
        """Vectors of the codebook at each place, (N, side², code_dim), to images (N, C, R, R) in [-1, 1]."""
        with mixed_precision(vectors.device, self.precision):
            return self.decoder(vectors.transpose(1, 2).unflatten(2, (self.side, self.side))).float()

    def forward(self, images: Tensor) -> Quantised:
        """The decoder's gradient reaches the encoder as if nothing had been rounded (section 3.2)."""
        features = self._features(images)
        codes = self.codebook.nearest(features)
        nearest = self.codebook(codes)
        passed = features + (nearest - features).detach()
        return Quantised(self.decode(passed.unflatten(0, (len(images), -1))), features, nearest, codes)

    def _features(self, images: Tensor) -> Tensor:
        with mixed_precision(images.device, self.precision):
            return self.encoder(images).flatten(2).transpose(1, 2).flatten(0, 1).float()


class Codebook(nn.Module):
    """Vectors (codes, dim), each the running mean of the features that were nearest to it (appendix A.1).

    A code that is hardly used any more is put onto a feature at random (Jukebox, arXiv:2005.00341, section 3.1); after
    the first batch, all but those used most are.
    """

    vectors: Tensor
    counts: Tensor
    sums: Tensor

    def __init__(self, codes: int, dim: int, decay: float) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("vectors", torch.randn(codes, dim))
        self.register_buffer("counts", torch.zeros(codes))
        self.register_buffer("sums", torch.zeros(codes, dim))

    def forward(self, codes: Tensor) -> Tensor:
        """Codes of any shape to their vectors, (*, dim)."""
        return F.embedding(codes, self.vectors)

    def nearest(self, features: Tensor) -> Tensor:
        """The code nearest to each feature: (N, dim) to int64 (N,)."""
        features = features.detach()
        return (self.vectors.square().sum(1) - 2.0 * features @ self.vectors.T).argmin(dim=1)

    @torch.no_grad()
    def learn(self, features: Tensor, codes: Tensor) -> None:
        """Move on towards the means of these features (N, dim), which have these codes (N,)."""
        used = F.one_hot(codes, len(self.vectors)).to(features)
        self.counts.lerp_(used.sum(0), 1.0 - self.decay)
        self.sums.lerp_(used.T @ features, 1.0 - self.decay)
        average = len(features) / len(self.vectors)
        dead = self.counts < DEAD * average
        drawn = features[torch.randint(len(features), (len(self.vectors),), device=features.device)]
        self.counts.copy_(torch.where(dead, average, self.counts))
        self.sums.copy_(torch.where(dead[:, None], average * drawn, self.sums))
        self.vectors.copy_(self.sums / self.counts[:, None])


class Residual(nn.Module):
    """x + what two convolutions make of it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.GroupNorm(8, width),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.GroupNorm(8, width),
            nn.SiLU(),
            nn.Conv2d(width, width, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class Prior(nn.Module):
    """The probability of each code after those before it, and a label where conditional.

    Attributes:
        length: codes an image has.
        classes: how many labels it is conditioned on, 0 for none.
    """

    def __init__(self, config: VQVAE, classes: int) -> None:
        super().__init__()
        self.length, self.classes, self.precision = config.side**2, classes, config.precision
        width = config.prior_width
        self.start = nn.Embedding(max(classes, 1), width)
        self.code = nn.Embedding(config.codes, width)
        self.place = nn.Embedding(self.length, width)
        self.blocks = nn.ModuleList(Block(width, config.prior_dropout) for _ in range(config.prior_depth))
        self.norm, self.logits = nn.LayerNorm(width), nn.Linear(width, config.codes)
        for embedding in (self.start, self.code, self.place):
            nn.init.normal_(embedding.weight, 0.0, 0.02)

    def forward(self, codes: Tensor, labels: Tensor | None = None) -> Tensor:
        """Codes int64 (N, length), labels (N,) to logits of each given those before it, (N, length, codes)."""
        with mixed_precision(codes.device, self.precision):
            x = torch.cat([self._start(len(codes), labels)[:, None], self.code(codes[:, :-1])], dim=1)
            x = x + self.place.weight
            for block in self.blocks:
                x = block(x)
            return self.logits(self.norm(x)).float()

    def write(self, n: int, labels: Tensor | None = None) -> Generator[Tensor, Tensor, None]:
        """Write n images' codes side by side: yield logits (n, codes) of the next, to be sent the codes (n,) chosen."""
        past = [Past() for _ in self.blocks]
        x = self._start(n, labels)
        for place in self.place.weight:
            with mixed_precision(x.device, self.precision):
                x = (x + place)[:, None]
                for block, before in zip(self.blocks, past, strict=True):
                    x = block(x, before)
                logits = self.logits(self.norm(x))[:, 0].float()
            x = self.code((yield logits))

    def _start(self, n: int, labels: Tensor | None) -> Tensor:
        if not self.classes:
            return self.start.weight.expand(n, -1)
        assert labels is not None, "a conditional prior needs labels"
        return self.start(labels)


class Past:
    """Keys and values (N, heads, places, dim) of the places that were written."""

    keys: Tensor | None = None
    values: Tensor | None = None

    def with_next(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Return all of them and these."""
        if self.keys is not None and self.values is not None:
            keys, values = torch.cat([self.keys, keys], dim=2), torch.cat([self.values, values], dim=2)
        self.keys, self.values = keys, values
        return keys, values


class Block(nn.Module):
    """Attention to oneself and what was before, then two dense layers (GPT-2's block)."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend, self.attended = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.dense = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, past: Past | None = None) -> Tensor:
        """(N, places, width) to the same; with a past, of the one next place (N, 1, width)."""
        queries, keys, values = (
            self.attend(self.before(x)).unflatten(2, (3, -1, HEAD_WIDTH)).permute(2, 0, 3, 1, 4)
        )
        if past is not None:
            keys, values = past.with_next(keys, values)
        seen = F.scaled_dot_product_attention(queries, keys, values, is_causal=past is None)
        x = x + self.dropout(self.attended(seen.transpose(1, 2).flatten(2)))
        return x + self.dropout(self.dense(self.between(x)))
