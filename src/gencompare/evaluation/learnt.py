"""The second extractor: a small network that learns an image set's own training images, once.

The default extractor knows photographs of the world and nothing of the image set; this one knows the image set and
nothing else. Where both order contenders alike, the order does not hang on the extractor.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn import functional

from gencompare.evaluation.extractors import Extractor
from gencompare.imagesets.arrays import Images, drawn, to_network

logger = logging.getLogger(__name__)

WIDTHS = (32, 64, 128)
BATCH = 128
EPOCHS = 24
MOST_IMAGES = 100_000  # about a minute of one core at 32 x 32
MOST_LEARNT_FROM = 20_000  # training images
SIDE = 32  # larger images are averaged down to this
LR = 4e-3
CODE = 64  # numbers by which views are told apart
SHIFT = 3  # pixels of SIDE by which a view is moved at most
LIGHT = 0.2  # brightness and contrast of a view change by at most this
TEMPERATURE = 0.2
SEED = 20_170_706
SECONDS_BETWEEN_LINES = 15.0
LEARNER = "second extractor"


class Learnt(Extractor):
    """Features of a network that learnt the training images: 224, means of the maps of three depths.

    Where there are labels it classifies them. Where there are none it tells apart views of different images
    (moved, lighter or darker).

    Source: classes as features, Ravuri and Vinyals, "Classification accuracy score" (2019), turned round; views,
        Chen et al., "A simple framework for contrastive learning" (2020), equation 1.
    """

    name: ClassVar[str] = "learnt"
    resize: ClassVar[str] = f"area average to at most {SIDE} x {SIDE}"

    def __init__(self, weights: bytes, learnt: str) -> None:
        """Load weights from `learn`, which learnt `classes` or `views`."""
        self.network = _Network()
        self.network.load_state_dict(load(weights))
        self.network.eval()
        self.weights_sha256 = hashlib.sha256(weights).hexdigest()
        self.learnt = learnt

    def embed(self, images: Tensor) -> Tensor:
        """Turn uint8 (N, 3, H, W), grey images tiled, into float32 (N, 224)."""
        features: Tensor = self.network(_shrunk(images.float().div(127.5).sub(1.0)))
        return features

    def passport(self) -> dict[str, Any]:
        """Say what features depend on. JSON-ready."""
        return super().passport() | {"learnt": self.learnt}


class _Network(nn.Module):
    """Three strided blocks; features are the means of their maps, one depth beside the other."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (3, *WIDTHS)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            )
            for before, after in zip(sizes, sizes[1:], strict=False)
        )

    def forward(self, x: Tensor) -> Tensor:  # (N, 3, H, W) -> (N, 224)
        means = []
        for block in self.blocks:
            x = block(x)
            means.append(x.mean(dim=(2, 3)))
        return torch.cat(means, dim=1)


def subject(train: Images) -> str:
    """What there is to learn of training images: `classes`, or `views` where there are none."""
    return "views" if train.labels is None or len(np.unique(train.labels)) < 2 else "classes"


def learn(train: Images) -> bytes:
    """Learn training images: the weights, as safetensors.

    On one machine the same bytes for the same images, whatever the number of threads.
    """
    logger.info("%s learns %s of the training images, once for all contenders.", LEARNER, subject(train))
    with _alone():
        seen = drawn(MOST_LEARNT_FROM, len(train))
        pixels = _pixels(np.array(train.images[seen]))
        classes = None if subject(train) == "views" else torch.from_numpy(np.asarray(train.labels)[seen])
        network = _Network()
        head = nn.Linear(sum(WIDTHS), CODE if classes is None else int(classes.max()) + 1)
        steps = max(1, min(EPOCHS * len(pixels), MOST_IMAGES) // BATCH)
        optimiser = torch.optim.Adam([*network.parameters(), *head.parameters()])
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LR, total_steps=steps)
        said = time.monotonic()
        for step, chosen in enumerate(_batches(len(pixels), steps)):
            if time.monotonic() - said > SECONDS_BETWEEN_LINES:
                said = time.monotonic()
                logger.info("%s  %d %% of its steps", LEARNER, 100 * step // steps)
            images = pixels[chosen]
            if classes is None:
                loss = _contrast(head(network(torch.cat([_view(images), _view(images)]))))
            else:
                loss = functional.cross_entropy(head(network(_view(images))), classes[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return save(network.state_dict())


def _pixels(images: np.ndarray) -> Tensor:
    return _shrunk(to_network(images).expand(-1, 3, -1, -1))


def _contrast(codes: Tensor) -> Tensor:
    """Cross-entropy of finding each view's partner among all others; (2 N, D), partners N apart."""
    codes = functional.normalize(codes, dim=1)
    alike = codes @ codes.T / TEMPERATURE
    alike.fill_diagonal_(-torch.inf)
    partners = torch.arange(len(codes)).roll(len(codes) // 2)
    return functional.cross_entropy(alike, partners)


def _view(images: Tensor) -> Tensor:
    """Move each image by up to SHIFT pixels and change its light. (N, C, H, W) in [-1, 1]."""
    n, _, height, width = images.shape
    padded = functional.pad(images, (SHIFT,) * 4, mode="replicate")
    rows, columns = torch.randint(0, 2 * SHIFT + 1, (2, n, 1))
    rows, columns = rows + torch.arange(height), columns + torch.arange(width)
    moved = padded[torch.arange(n)[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(
        0, 3, 1, 2
    )
    light, contrast = (2 * torch.rand(2, n, 1, 1, 1) - 1) * LIGHT
    return (moved * (1 + contrast) + light).clamp(-1, 1)


def _shrunk(images: Tensor) -> Tensor:
    return functional.adaptive_avg_pool2d(images, SIDE) if images.shape[2] > SIDE else images


def _batches(n: int, steps: int) -> Iterator[Tensor]:
    """Indices of `steps` batches: all images in random order, again and again."""
    waiting = torch.zeros(0, dtype=torch.int64)
    for _ in range(steps):
        while len(waiting) < min(BATCH, n):
            waiting = torch.cat([waiting, torch.randperm(n)])
        yield waiting[:BATCH]
        waiting = waiting[BATCH:]


@contextmanager
def _alone() -> Iterator[None]:
    """One thread and a random stream of its own; what was there before comes back."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            yield
    finally:
        torch.set_num_threads(threads)
