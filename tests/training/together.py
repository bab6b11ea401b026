"""Families small enough to train many at once, importable by the processes that do so together."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import torch
from toy import Toy, toy_images

from gencompare.config.typed import build
from gencompare.imagesets.arrays import Images
from gencompare.models import MODELS
from gencompare.models.parts.shape import ImageShape
from gencompare.objectives import OBJECTIVES
from gencompare.objectives.base import Objective
from gencompare.running.parallel import train
from gencompare.training.settings import TrainingSettings

CLASSES = 3
DCGAN = ("dcgan", {"latent_dim": 4, "width": 4})
CRITIC = ("dcgan", {"latent_dim": 4, "width": 4, "critic_norm": "none"})
UNET = {"widths": (8, 16)}
FAMILIES = {
    "vanilla": (*DCGAN, "vanilla", {}),
    "batch_norm_r1": (*DCGAN, "vanilla", {"r1": 1.0, "penalty_every": 2}),
    "lsgan": (
        "dcgan",
        DCGAN[1] | {"conditional": True},
        "lsgan",
        {"augment": ("color", "translation", "cutout")},
    ),
    "mlp_gan": ("mlp_gan", {"latent_dim": 4, "width": 8}, "vanilla", {}),
    "wgan_gp": (*CRITIC, "wgan_gp", {"n_critic": 2}),
    "spectral": ("dcgan_upsample", {"latent_dim": 4, "width": 4}, "hinge", {}),
    "resnet_gan": (
        "resnet_gan",
        {"latent_dim": 4, "width": 4, "max_width": 8, "attention": (8,)},
        "wgan_gp",
        {"n_critic": 1, "penalty_every": 2},
    ),
    "progressive_gan": (
        "progressive_gan",
        {"latent_dim": 4, "width": 4, "max_width": 8, "growth": 0.5},
        "wgan_gp",
        {"n_critic": 1, "drift": 1e-3},
    ),
    "r3gan": ("r3gan", {"latent_dim": 4, "width": 16, "blocks": 1}, "r3gan", {"r1_end": 0.1}),
    "vae": ("vae", {"latent_dim": 4, "width": 4}, "elbo", {"anneal_kimg": 0.4}),
    "vq_vae": ("vq_vae", {"width": 8, "side": 4, "codes": 8, "prior_width": 32, "prior_depth": 1}, "vq", {}),
    "edm": ("unet", UNET | {"process": "edm", "prediction": "dual"}, "denoising", {}),
    "ddpm": ("unet", UNET | {"dropout": 0.1, "conditional": True}, "denoising", {}),
    "flow": (
        "unet",
        UNET | {"process": "flow", "prediction": "velocity"},
        "denoising",
        {"noise": (0.0, 1.0), "pairing": "optimal_transport"},
    ),
    "consistency": (
        "unet",
        UNET | {"process": "edm", "prediction": "dual"},
        "consistency",
        {"noise": (-1.2, 1.2)},
    ),
}


class Family(Objective):
    """One of FAMILIES, its networks under its name."""

    def __init__(self, name):
        model, of_model, objective, of_objective = FAMILIES[name]
        shape = ImageShape(1, 16, CLASSES)
        settings = build(MODELS[model], of_model | {"precision": "float32"}, "model")
        self.inner = build(OBJECTIVES[objective], of_objective, "objective").objective(
            settings.networks(shape)
        )
        super().__init__({f"{name} {key}": network for key, network in self.inner.networks.items()})
        self.name, self.averaged = name, tuple(f"{name} {key}" for key in self.inner.averaged)

    def step(self, batch):
        for key, loss in self.inner.step(batch):
            yield f"{self.name} {key}", loss
        self.metrics = {f"{self.name} {key}": value for key, value in self.inner.metrics.items()}

    def advance(self, progress):
        return self.inner.advance(progress)


class All(Objective):
    """Families that learn from the same batches, so that processes are started once for them all."""

    def __init__(self, names=tuple(FAMILIES), seed=1):
        torch.manual_seed(seed)
        self.families = [Family(name) for name in names]
        super().__init__({key: network for one in self.families for key, network in one.networks.items()})
        self.averaged = tuple(key for one in self.families for key in one.averaged)

    def step(self, batch):
        for one in self.families:
            yield from one.step(batch)
        self.metrics = {key: value for one in self.families for key, value in one.metrics.items()}

    def advance(self, progress):
        return any([one.advance(progress) for one in self.families])


SETTINGS = TrainingSettings(kimg=0.8, batch_size=16, rows=5, validations=2, device="cpu")
TOY = TrainingSettings(
    kimg=0.4, batch_size=16, rows=5, lr=1e-2, checkpoint_seconds=0, validations=0, device="cpu"
)


def by(processes: int, settings: TrainingSettings, folder: Path, objective=Toy):
    images = toy_images()
    if objective is not Toy:
        random = np.random.default_rng(0)
        images = Images(random.integers(0, 256, (60, 16, 16, 1), np.uint8), random.integers(0, CLASSES, 60))
    chosen = dataclasses.replace(settings, processes=processes)
    return train(objective, images, chosen, name="shared", seed=1, folder=folder)
