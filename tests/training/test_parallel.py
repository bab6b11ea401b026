"""Several processes learn what one would: each family's weights, whatever interrupts them."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
import torch.distributed as dist
from torch import nn

from gencompare.config.typed import SettingError, build
from gencompare.imagesets.arrays import Images
from gencompare.models import MODELS
from gencompare.models.parts.latent import LatentModel
from gencompare.models.parts.shape import ImageShape
from gencompare.objectives import OBJECTIVES
from gencompare.objectives.base import Objective
from gencompare.training.parallel import ProcessLost, train
from gencompare.training.progress import observing
from gencompare.training.settings import TrainingSettings
from gencompare.training.sharing import SharedWork

from .toy import Toy, interrupted, toy_images

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
WITHOUT_GRADIENT = {
    "resnet_gan": r"(second|shortcut)\.bias|running_mean",
    "vae": r"decoder\.0\.bias|decoder\.1\.running_mean",
    "ddpm": r"(conv1|conv2|skip)\.bias",
    "flow": r"(conv1|conv2|skip)\.bias",
    "consistency": r"(conv1|conv2|skip)\.bias",
}
"""Weights that the next normalisation takes off again: Adam makes full steps of what rounding leaves of their gradient,
and one process, too, gets others with another convolution library. What is made with them is the same."""


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
    """Every family learns from the same batches, so that processes are started once for them all."""

    def __init__(self):
        self.families = [Family(name) for name in FAMILIES]
        super().__init__({key: network for one in self.families for key, network in one.networks.items()})
        self.averaged = tuple(key for one in self.families for key in one.averaged)

    def step(self, batch):
        for one in self.families:
            yield from one.step(batch)
        self.metrics = {key: value for one in self.families for key, value in one.metrics.items()}

    def advance(self, progress):
        return any([one.advance(progress) for one in self.families])


SETTINGS = TrainingSettings(
    kimg=0.8, batch_size=16, rows=5, checkpoint_seconds=0, validations=2, device="cpu"
)
TOY = TrainingSettings(
    kimg=0.4, batch_size=16, rows=5, lr=1e-2, checkpoint_seconds=0, validations=0, device="cpu"
)


def by(processes, settings, folder, objective=Toy):
    images = toy_images()
    if objective is All:
        random = np.random.default_rng(0)
        images = Images(random.integers(0, 256, (60, 16, 16, 1), np.uint8), random.integers(0, CLASSES, 60))
    chosen = dataclasses.replace(settings, processes=processes)
    return train(objective, images, chosen, name="shared", seed=1, folder=folder)


def gap(first, second):
    """The largest difference of two sets of weights, those without a gradient aside."""
    return max(
        float((first[key].double() - second[key].double()).abs().max())
        for key in first
        if not re.search(WITHOUT_GRADIENT.get(key.split()[0], "nothing"), key)
    )


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    return by(1, SETTINGS, tmp_path_factory.mktemp("one"), All)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    return by(2, SETTINGS, tmp_path_factory.mktemp("two"), All)


@pytest.mark.parametrize("name", FAMILIES)
def test_two_processes_have_the_averaged_weights_of_one_after_50_steps(one, two, name):
    ours, theirs = ({k: v for k, v in of.weights.items() if k.startswith(f"{name} ")} for of in (one, two))
    assert ours.keys() == theirs.keys()
    assert gap(ours, theirs) < 1e-4
    untrained = {k: v for k, v in one.points[0].weights().items() if k.startswith(f"{name} ")}
    assert gap(ours, untrained) > 2e-3  # they have learnt


@pytest.mark.parametrize("name", FAMILIES)
def test_what_they_make_is_the_same(one, two, name):
    torch.manual_seed(0)
    made = []
    family = Family(name)
    (key,) = family.averaged
    network = family.networks[key].eval()
    latent, noise, labels = torch.randn(8, 4), torch.randn(8, 1, 16, 16), torch.arange(8) % CLASSES
    for of in (one, two):
        network.load_state_dict(
            {k.removeprefix(f"{key}."): v for k, v in of.weights.items() if k.startswith(key)}
        )
        with torch.no_grad():
            if isinstance(network, LatentModel):
                made.append(network.generate(latent, labels if network.classes else None))
            else:
                made.append(network(noise, torch.arange(1, 9) * 100, labels if network.classes else None))
    torch.testing.assert_close(made[0], made[1], atol=1e-4, rtol=0)


def test_history_points_stages_and_operations_are_those_of_one(one, two):
    assert list(one.history) == list(two.history)
    np.testing.assert_allclose(one.history, two.history, atol=1e-4, rtol=1e-4)
    assert [p.spent["kimg"] for p in one.points] == [p.spent["kimg"] for p in two.points]
    assert list(one.stages) == list(two.stages)
    for spent, of_two in ((one.cost, two.cost), (one.points[-1].spent, two.points[-1].spent)):
        assert of_two["train_flops"] == pytest.approx(spent["train_flops"], rel=0.01)
    assert two.cost["device"].startswith("2 processes")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return by(2, TOY, tmp_path_factory.mktemp("whole")).weights


def test_a_killed_process_ends_training_which_goes_on_to_the_same_bytes(tmp_path, whole):
    rows = []

    def kill(_, row, kimg):
        rows.append(row)
        if len(rows) == 2:
            (other,) = multiprocessing.active_children()
            other.kill()

    with observing(kill), pytest.raises(ProcessLost, match=r"SIGKILL.*goes on from its checkpoint"):
        by(2, TOY, tmp_path)
    assert not multiprocessing.active_children()
    assert not dist.is_initialized()
    resumed = by(2, TOY, tmp_path).weights
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


def test_one_goes_on_where_two_were_stopped_and_two_where_one_was(tmp_path, whole):
    with interrupted(2):
        by(2, TOY, tmp_path / "by two")
    with interrupted(2):
        by(1, TOY, tmp_path / "by one")
    assert gap(by(1, TOY, tmp_path / "by two").weights, whole) < 1e-4
    assert gap(by(2, TOY, tmp_path / "by one").weights, whole) < 1e-4


def test_the_others_end_with_the_first_however_it_ends(tmp_path):
    script = (
        "import multiprocessing, sys\nfrom pathlib import Path\n"
        "from gencompare.training.progress import observing\nfrom tests.training import test_parallel as t\n"
        "if __name__ == '__main__':\n"
        "    with observing(lambda *_: print(multiprocessing.active_children()[0].pid, flush=True)):\n"
        "        t.by(2, t.dataclasses.replace(t.TOY, kimg=1000.0, rows=10000), Path(sys.argv[1]))\n"
    )
    file = tmp_path / "main.py"
    file.write_text(script)
    root = Path(__file__).parents[2]
    path = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    first = subprocess.Popen(
        [sys.executable, file, tmp_path / "run"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    other = psutil.Process(int(first.stdout.readline()))
    first.send_signal(signal.SIGKILL)
    first.wait()
    try:
        other.wait(10)  # raises if it lives on
    finally:
        with_none_left = not other.is_running()
        shutil.rmtree(tmp_path, ignore_errors=True)
    assert with_none_left


def test_a_batch_that_cannot_be_shared_is_refused():
    with pytest.raises(SettingError, match="processes=3: cannot share a batch of batch_size=16 equally"):
        build(TrainingSettings, {"batch_size": 16, "processes": 3}, "training")


class Draws(nn.Module):
    def forward(self, x):
        return x + torch.rand(len(x), 1)


def test_random_numbers_drawn_in_an_unknown_way_are_refused(tmp_path):
    dist.init_process_group("gloo", store=dist.FileStore(str(tmp_path / "store"), 1), rank=0, world_size=1)
    try:
        work, network = SharedWork(), Draws()
        network.register_forward_pre_hook(work.begin)
        with work, pytest.raises(NotImplementedError, match="rand"):
            network(torch.zeros(4, 1))
    finally:
        dist.destroy_process_group()
