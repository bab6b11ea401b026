"""Our GAN contenders against a DCGAN as a widely copied public script has it: same images, seconds and machine.

All learn FashionMNIST at 32x32 for the same time, then make samples that are scored alike against the held-out
split. Run it on an otherwise idle machine, from the project folder:

    python benchmarks/gan_vs_reference.py --seconds 600 --contenders reference_dcgan dcgan

It prints one line of JSON a contender and adds it to results.jsonl in --out, beside samples and a grid of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from fashion import KEPT, Scores, contender, make, splits, train_for
from torch import Tensor, nn
from torch.nn import functional as F

from gencompare.config.contender import read_contender
from gencompare.config.typed import settings
from gencompare.evaluation.health import judge
from gencompare.models import MODELS
from gencompare.models.parts.latent import LatentModel
from gencompare.models.parts.shape import ImageShape
from gencompare.objectives import OBJECTIVES
from gencompare.objectives.base import Batch, Objective
from gencompare.sampling.images import balanced_labels

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600.0, help="of training, for each")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--contenders", nargs="+", default=["reference_dcgan", "dcgan_clothes"])
    parser.add_argument("--out", type=Path, default=Path("data/08_reporting/benchmarks/gan_vs_reference"))
    chosen = parser.parse_args()

    MODELS["reference_dcgan"], OBJECTIVES["reference"] = ReferenceDCGAN, Reference
    train_split, heldout = splits()
    scores = Scores(train_split, heldout, chosen.samples, chosen.out)
    labels = balanced_labels(chosen.samples, classes=10)
    for name in chosen.contenders:
        one = read_contender(REFERENCE) if name == "reference_dcgan" else contender(name)
        trained, sampler = train_for(name, one, train_split, chosen.seconds)
        health = {"health": judge(trained.history, trained.status).verdict}
        made = make(sampler, labels)
        asked = labels if getattr(one.model, "conditional", False) else None
        scores.add(name, made, health | {key: trained.cost[key] for key in KEPT}, asked)


if __name__ == "__main__":
    main()
