"""Our GAN contenders against a DCGAN as a widely copied public script has it: same images, seconds and machine.

All learn FashionMNIST at 32x32 for the same time, then make samples that are scored alike against the held-out
split. Run it on an otherwise idle machine, from the project folder:

    python benchmarks/gan_vs_reference.py --seconds 600 --ours dcgan

It prints one line of JSON a contender and writes results.json, samples and a grid of them each to --out.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor, nn
from torch.nn import functional as F

from gencompare.config import ContenderSettings, make_contender, merge
from gencompare.evaluation import EvaluationSettings
from gencompare.evaluation.distances import frechet
from gencompare.evaluation.features import features, make_extractor
from gencompare.imagesets.arrays import Images
from gencompare.imagesets.fashion_mnist import FashionMNIST
from gencompare.models import MODELS
from gencompare.models.blocks import LatentModel
from gencompare.models.shape import ImageShape
from gencompare.objectives import OBJECTIVES
from gencompare.objectives.base import Batch, Objective
from gencompare.reporting.figures import image_grid
from gencompare.sampling import Contender, balanced_labels, sample
from gencompare.training import Trained, TrainingSettings, train
from gencompare.training.device import pick_device
from gencompare.training.health import judge
from gencompare.typed import settings

SHAPE = ImageShape(channels=1, resolution=32, classes=10)
PARAMETERS = Path(__file__).parents[1] / "conf/base/parameters.yml"
REFERENCE = {
    "model": {"name": "reference_dcgan"},
    "objective": {"name": "reference"},
    "sampler": {"name": "latent"},
    "training": {
        "batch_size": 64,
        "lr": 2e-4,
        "betas": (0.5, 0.999),
        "decay_from": 1.0,
        "ema_decay": 0.0,  # it samples from its last weights
        "channels_last": False,
    },
}


@settings
class ReferenceDCGAN:
    """The networks of eriklindernoren/PyTorch-GAN's dcgan.py, its batch normalisation's eps of 0.8 included."""

    def check(self, shape: ImageShape) -> None:
        """Any power of two from 16 on will do."""

    def networks(self, shape: ImageShape) -> dict[str, nn.Module]:
        networks: dict[str, nn.Module] = {
            "generator": ReferenceGenerator(shape),
            "discriminator": ReferenceDiscriminator(shape),
        }
        for module in [module for network in networks.values() for module in network.modules()]:
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0.0, 0.02)
            elif isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.weight, 1.0, 0.02)
        return networks


class ReferenceGenerator(LatentModel):
    latent_dim = 100

    def __init__(self, shape: ImageShape) -> None:
        super().__init__()
        side = shape.resolution // 4
        self.layers = nn.Sequential(
            nn.Linear(100, 128 * side**2),
            nn.Unflatten(1, (128, side, side)),
            nn.BatchNorm2d(128),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(128, 128, 3, padding=1),
            nn.BatchNorm2d(128, eps=0.8),
            nn.LeakyReLU(0.2),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(128, 64, 3, padding=1),
            nn.BatchNorm2d(64, eps=0.8),
            nn.LeakyReLU(0.2),
            nn.Conv2d(64, shape.channels, 3, padding=1),
            nn.Tanh(),
        )

    def generate(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.layers(latent)


class ReferenceDiscriminator(nn.Module):
    def __init__(self, shape: ImageShape) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in ((shape.channels, 16), (16, 32), (32, 64), (64, 128)):
            layers += [nn.Conv2d(inputs, outputs, 3, 2, 1), nn.LeakyReLU(0.2), nn.Dropout2d(0.25)]
            if inputs != shape.channels:
                layers.append(nn.BatchNorm2d(outputs, eps=0.8))
        last = nn.Linear(128 * (shape.resolution // 16) ** 2, 1)
        self.layers = nn.Sequential(*layers, nn.Flatten(), last, nn.Sigmoid())

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images).squeeze(1)


@settings
class Reference:
    def objective(self, networks: Mapping[str, nn.Module]) -> Objective:
        return ReferenceObjective(networks)


class ReferenceObjective(Objective):
    """The script's order and cost: the generator first, through a discriminator whose gradients are thrown away."""

    averaged = ("generator",)

    def step(self, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        generator, discriminator = self.networks["generator"], self.networks["discriminator"]
        fake = generator.generate(torch.randn(len(batch.images), 100, device=batch.images.device))
        real_label, fake_label = torch.ones(len(fake)), torch.zeros(len(fake))
        yield "generator", F.binary_cross_entropy(discriminator(fake), real_label)
        real_loss = F.binary_cross_entropy(discriminator(batch.images), real_label)
        fake_loss = F.binary_cross_entropy(discriminator(fake.detach()), fake_label)
        yield "discriminator", 0.5 * (real_loss + fake_loss)


def contenders(names: list[str], parameters: Mapping[str, Any]) -> Iterator[ContenderSettings]:
    """The reference, and contenders of ours as the parameters have them."""
    MODELS["reference_dcgan"], OBJECTIVES["reference"] = ReferenceDCGAN, Reference
    blocks = parameters["contenders"] | {"reference_dcgan": REFERENCE}
    for name in ["reference_dcgan", *names]:
        block = blocks[name]
        while "like" in block:
            other = {key: value for key, value in block.items() if key != "like"}
            block = merge(blocks[block["like"]], other)
        block = block | {"training": merge(parameters["training"], block["training"])}
        yield make_contender({"name": name, "contender": name, "seed": parameters["seed"]} | block)


def train_for(contender: ContenderSettings, images: Images, seconds: float) -> Trained:
    """Train for as many images as fit the time, judged by a short run before."""
    rate = _train(contender, images, kimg=2.0).cost["images_per_second"]
    return _train(contender, images, kimg=rate * seconds / 1000)


def _train(contender: ContenderSettings, images: Images, kimg: float) -> Trained:
    chosen = vars(contender.training) | {"kimg": kimg, "device": "cpu", "checkpoint_seconds": 1e9}
    with tempfile.TemporaryDirectory() as checkpoints:
        return train(
            lambda: contender.objective.objective(contender.model.networks(SHAPE)),
            images,
            TrainingSettings(**chosen),
            contender=contender.name,
            seed=contender.seed,
            fingerprint="benchmark",
            checkpoints=Path(checkpoints),
        )


def make(contender: ContenderSettings, weights: Mapping[str, Tensor], n: int) -> np.ndarray:
    generator = contender.model.networks(SHAPE)["generator"]
    generator.load_state_dict({key.removeprefix("generator."): value for key, value in weights.items()})
    drawn = Contender({"generator": generator}, contender.sampler, SHAPE, pick_device("cpu"))
    return sample(drawn, n, balanced_labels(n, SHAPE.classes), contender.seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600.0, help="of training, for each")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--ours", nargs="+", default=["dcgan"], help="contenders of conf/base/parameters.yml")
    parser.add_argument("--out", type=Path, default=Path("data/08_reporting/benchmarks/gan_vs_reference"))
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)

    prepared = FashionMNIST(resolution=32).prepare()
    train_split, heldout = (_whole(split()) for split in (prepared.train, prepared.heldout))
    settings = EvaluationSettings()
    extractor = make_extractor(settings.extractor)
    reference = features(heldout.images[: chosen.samples], extractor, settings, chosen.out / "features")

    results: dict[str, dict[str, Any]] = {}
    kept = ("parameters", "kimg", "train_seconds", "images_per_second")
    for contender in contenders(chosen.ours, yaml.safe_load(PARAMETERS.read_text())):
        trained = train_for(contender, train_split, chosen.seconds)
        made = make(contender, trained.weights, chosen.samples)
        image_grid(made[:64]).save(chosen.out / f"{contender.name}.png")
        np.savez(chosen.out / f"{contender.name}.npz", images=made)
        found = features(made, extractor, settings, chosen.out / "features")
        distance = frechet(found, reference, [np.arange(len(found))]).item()
        first = next(iter(results.values()), {"distance": distance})["distance"]
        results[contender.name] = {
            "distance": distance,
            "times_the_reference": distance / first,
            "measured_by": f"fd_{settings.extractor}_{chosen.samples}",
            "health": judge(trained.history, trained.status).verdict,
        } | {name: trained.cost[name] for name in kept}
        print(json.dumps({"contender": contender.name} | results[contender.name]), flush=True)  # noqa: T201
    (chosen.out / "results.json").write_text(json.dumps(results, indent=2))


def _whole(parts: Iterator[Images]) -> Images:
    chunks = list(parts)
    labels = [part.labels for part in chunks if part.labels is not None]
    return Images(np.concatenate([part.images for part in chunks]), np.concatenate(labels))


if __name__ == "__main__":
    main()
