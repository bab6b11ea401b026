"""What the benchmarks share: FashionMNIST at 32x32, contenders as the parameters have them, one way to score."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from gencompare.config.budget import Budget
from gencompare.config.contender import Contender, read_contender
from gencompare.config.plan import Plan
from gencompare.config_loader import ComparisonConfigLoader
from gencompare.evaluation.distances import frechet, kernel_distance
from gencompare.evaluation.features import features, make_extractor
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.imagesets.arrays import Images, to_network
from gencompare.imagesets.fashion_mnist import FashionMNIST
from gencompare.imagesets.pictures import image_grid
from gencompare.models.parts.shape import ImageShape
from gencompare.objectives.base import Objective
from gencompare.pipelines.modelling import samplers
from gencompare.sampling.base import Sampler
from gencompare.sampling.images import sample
from gencompare.training.budget import measure_speed
from gencompare.training.feed import Feed
from gencompare.training.loop import Trained, train

SHAPE = ImageShape(channels=1, resolution=32, classes=10)
CONF = Path(__file__).parents[1] / "conf"
SEED = 0
KEPT = ("parameters", "kimg", "train_seconds", "images_per_second")


def splits() -> tuple[Images, Images]:
    """FashionMNIST's train and held-out images."""
    prepared = FashionMNIST(resolution=32).prepare()
    return _whole(list(prepared.train())), _whole(list(prepared.heldout()))


def _whole(chunks: list[Images]) -> Images:
    labels = [chunk.labels for chunk in chunks if chunk.labels is not None]
    return Images(np.concatenate([chunk.images for chunk in chunks]), np.concatenate(labels))


def contender(name: str) -> Contender:
    """One contender as the parameters have it."""
    return read_contender(_plan().contender(name).values)


@cache
def _plan() -> Plan:
    return ComparisonConfigLoader(str(CONF), base_env="base", default_run_env="base").plan


def train_for(
    name: str, chosen: Contender, images: Images, seconds: float, seed: int = SEED
) -> tuple[Trained, Sampler]:
    """Train for as many images as fit the time, as measured before; return what that leaves, and its sampler."""

    def objective() -> Objective:
        return chosen.objective.objective(chosen.model.networks(SHAPE))

    settings = replace(chosen.training, device="cpu", checkpoint_seconds=1e9)
    speed = measure_speed(objective, images, settings, seed=seed, seconds=20.0)
    kimg = speed.kimg(Budget(minutes=seconds / 60), settings.batch_size)
    with tempfile.TemporaryDirectory() as folder:
        trained = train(
            objective, images, replace(settings, kimg=kimg), name=name, seed=seed, folder=Path(folder)
        )
        return trained, ready(chosen, trained, SHAPE, images)


def ready(chosen: Contender, trained: Trained, shape: ImageShape, images: Images) -> Sampler:
    """The sampler of a training whose folder is still there, on the CPU."""
    on_cpu = replace(chosen, training=replace(chosen.training, device="cpu"))
    fitted = samplers.fitted_at(on_cpu, trained.weights, trained.points, -1, shape, images.images)
    return samplers.ready(on_cpu, trained.weights, shape, fitted)


def make(sampler: Sampler, labels: np.ndarray) -> np.ndarray:
    """One sample for each label, uint8 (N, H, W, C)."""
    return sample(sampler, len(labels), labels if sampler.classes else None, SEED)


class Classifier:
    """A small convolutional network that tells classes apart, learnt from all real training images.

    Attributes:
        accuracy: share of held-out real images that it puts in their class: no sample set can be expected to do
            better.
    """

    def __init__(self, train_split: Images, heldout: Images, passes: int = 3) -> None:
        torch.manual_seed(0)
        self.network = nn.Sequential(
            *(nn.Conv2d(1, 32, 3, 2, 1), nn.BatchNorm2d(32), nn.ReLU()),
            *(nn.Conv2d(32, 64, 3, 2, 1), nn.BatchNorm2d(64), nn.ReLU()),
            *(nn.Conv2d(64, 128, 3, 2, 1), nn.BatchNorm2d(128), nn.ReLU()),
            *(nn.Flatten(), nn.Dropout(0.3), nn.Linear(128 * 16, 10)),
        )
        steps = passes * len(train_split) // 128
        optimiser = torch.optim.Adam(self.network.parameters())
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-3, steps)
        feed = Feed(train_split, 128, seed=0, horizontal_flip=True)
        for step in range(steps):
            images, labels = feed.batch(step)
            optimiser.zero_grad()
            F.cross_entropy(self.network(images), labels).backward()
            optimiser.step()
            schedule.step()
        self.network.eval()
        self.accuracy = self.agreement(heldout.images, heldout.labels)

    @torch.inference_mode()
    def agreement(self, images: np.ndarray, labels: np.ndarray | None) -> float:
        """Share of images that it puts in the class asked for."""
        assert labels is not None
        found = [self.network(to_network(part)).argmax(1).numpy() for part in np.array_split(images, 20)]
        return float((np.concatenate(found) == labels).mean())


class Scores:
    """Scores samples against the held-out split, and keeps what it found in a folder."""

    def __init__(self, train_split: Images, heldout: Images, n: int, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.train_split, self.heldout, self.folder = train_split, heldout, folder
        self.settings = EvaluationSettings()
        self.extractor = make_extractor(self.settings.extractor)
        self.n = n
        self.reference = self._features(heldout.images[:n])

    def add(
        self, name: str, made: np.ndarray, cost: Mapping[str, Any], asked: np.ndarray | None = None
    ) -> None:
        """Score samples, and how they obey the labels asked for; save them, a grid and a line of results.jsonl."""
        image_grid(made[:64]).save(self.folder / f"{name}.png")
        np.savez(self.folder / f"{name}.npz", images=made)
        pair, whole = (self._features(made), self.reference), [np.arange(len(made))]
        found = {
            "contender": name,
            f"fd_{self.settings.extractor}_{self.n}": frechet(*pair, whole).item(),
            f"kid_{self.settings.extractor}_{self.n}": kernel_distance(*pair, whole).item(),
        } | dict(cost)
        if asked is not None:
            found["label_agreement"] = self._classifier.agreement(made, asked)
            found["classifier_accuracy"] = self._classifier.accuracy
        with (self.folder / "results.jsonl").open("a") as results:
            results.write(json.dumps(found) + "\n")
        print(json.dumps(found), flush=True)  # noqa: T201

    @cached_property
    def _classifier(self) -> Classifier:
        return Classifier(self.train_split, self.heldout)

    def _features(self, images: np.ndarray) -> np.ndarray:
        return features(images, self.extractor, self.settings, self.folder / "features")
