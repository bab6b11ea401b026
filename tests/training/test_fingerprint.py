"""A training is done anew when its result would be another, and only then."""

from __future__ import annotations

import importlib
import shutil
from typing import Literal, get_origin

import pytest
import torch
from torch import nn

from gencompare import source_code
from gencompare.models.gan_settings import DCGAN
from gencompare.models.parts.shape import ImageShape
from gencompare.models.pretrained_settings import PretrainedUNet
from gencompare.objectives.settings import WGANGP
from gencompare.source_code import code_hash
from gencompare.training import fingerprint as module
from gencompare.training.fingerprint import fingerprint, modules_of

SETTINGS = {
    "name": "a",
    "contender": "a",
    "seed": 0,
    "model": {"name": "dcgan", "width": 32},
    "objective": {"name": "vanilla"},
    "sampler": {"name": "latent"},
    "images": {"count": None},
    "training": {
        "kimg": 1.0,
        "lr": 1e-3,
        "validations": 0,
        "checkpoint_seconds": 30,
        "sample_from": "last",
        "device": "cpu",
    },
}
MODULES = {"gencompare.models.dcgan", "gencompare.objectives.adversarial"}


def changed(**parts):
    new = {
        part: SETTINGS[part] | values if isinstance(values, dict) else values
        for part, values in parts.items()
    }
    return SETTINGS | new


def of(settings=SETTINGS, content="images"):
    return fingerprint(settings, content, MODULES)


@pytest.mark.parametrize(
    "other",
    [
        changed(seed=1),
        changed(model={"width": 64}),
        changed(images={"count": 10}),
        changed(training={"kimg": 2.0}),
        changed(training={"validations": 1}),
    ],
)
def test_what_changes_the_result_trains_anew(other):
    assert of(other) != of()


@pytest.mark.parametrize(
    "other",
    [
        changed(name="b", contender="b"),
        changed(training={"checkpoint_seconds": 0}),
        changed(training={"sample_from": "best"}),
        changed(training={"device": "auto"}),
        changed(sampler={"name": "mixture"}),
    ],
)
def test_what_does_not_change_it_does_not(other, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert of(other) == of()


def test_one_process_is_as_before_there_could_be_more_and_two_train_anew():
    assert of(changed(training={"processes": 1})) == of()
    assert of(changed(training={"processes": 2})) not in (of(), of(changed(training={"processes": 4})))


@pytest.mark.parametrize(
    "file",
    ["unet/diffusion_pytorch_model.safetensors", "unet/config.json", "scheduler/scheduler_config.json"],
)
def test_other_files_in_the_folder_that_a_model_is_made_of_train_anew(tmp_path, monkeypatch, file):
    for folder in ("here", "there"):
        for name in PretrainedUNet(folder="").files():
            path = tmp_path / folder / "pretrained" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
    (tmp_path / "there" / "pretrained" / file).write_text(file[::-1])  # as long, and another

    def made_of(folder):
        monkeypatch.chdir(tmp_path / folder)  # the folder is given as it lies from where one is
        return of(SETTINGS | {"model": {"name": "pretrained_unet", "folder": "pretrained"}})

    here = made_of("here")
    assert made_of("there") != here == made_of("here")
    (tmp_path / "here" / "pretrained" / file).write_text(file[::-1])
    assert made_of("here") == made_of("there")
    (tmp_path / "here" / "pretrained" / file).unlink()
    assert made_of("here") not in (here, made_of("there"))


def test_another_image_trains_anew():
    assert of(content="others") != of()


def test_another_device_trains_anew(monkeypatch):
    before = of()
    monkeypatch.setattr(module, "find_device", lambda _: torch.device("cuda"))
    assert of() != before


def test_modules_are_those_of_every_layer():
    networks = DCGAN().networks(ImageShape(3, 16))
    found = modules_of(*networks.values(), nn.Linear(1, 1))
    assert found == {
        "gencompare.models.dcgan",
        "gencompare.models.parts.latent",
        "gencompare.models.parts.layers",
    }
    critic = DCGAN(critic_norm="none").networks(ImageShape(3, 16))
    assert "gencompare.objectives.adversarial" in modules_of(WGANGP().objective(critic))


@pytest.fixture
def package(tmp_path):
    """A copy of this package to edit."""
    return shutil.copytree(
        source_code.PACKAGE, tmp_path / "gencompare", ignore=shutil.ignore_patterns("__pycache__")
    )


ROOTS = module.ALWAYS | MODULES
EDITS = {
    "an equation": ("objectives/adversarial.py", "F.softplus(-real)", "F.softplus(-2 * real)", True),
    "a layer": ("models/dcgan.py", "nn.LeakyReLU(0.2)", "nn.LeakyReLU(0.1)", True),
    "the loop": ("training/loop.py", "loss.backward()", "(2 * loss).backward()", True),
    "how long the loop is": ("training/loop.py", "math.ceil(round(1000", "math.floor(round(1000", True),
    "which images it sees": ("imagesets/subset.py", "endpoint=False", "endpoint=True", True),
    "how wide layers are": ("models/parts/widths.py", "width * 2**level", "width * 3**level", True),
    "on how many labels it is conditioned": ("models/parts/shape.py", "self.classes if", "1 if", True),
    "how often sides are halved": ("models/parts/shape.py", "SMALLEST = 4", "SMALLEST = 8", True),
    "the average": ("training/ema.py", "(10 + updates)", "(11 + updates)", True),
    "what the loop reaches": ("imagesets/arrays.py", "127.5", "127.4", True),
    "a docstring": ("objectives/adversarial.py", '"""', '"""Now reworded. ', False),
    "a comment": ("training/loop.py", "import math", "import math  # a comment", False),
    "what stopping says": ("training/progress.py", "stopped; the same", "ended; the same", False),
    "how checkpoints lie": ("training/checkpoint.py", ".partial", ".part", False),
    "what settings allow": ("models/settings.py", "multiple_of=8", "multiple_of=4", False),
    "another family": ("models/vae.py", "nn.SiLU()", "nn.ReLU()", False),
    "a sampler": ("sampling/solvers.py", "def ", "x = 1\n\n\ndef ", False),
}


@pytest.mark.parametrize(("file", "old", "new", "counts"), EDITS.values(), ids=EDITS.keys())
def test_a_change_of_code_counts_where_it_is_reached(package, file, old, new, counts):
    path = package / file
    before, text = code_hash(ROOTS, package), path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    code_hash.cache_clear()
    assert (code_hash(ROOTS, package) != before) == counts


def test_a_module_that_leaves_trainings_alone_counts_for_whoever_asks_for_it(package):
    path, roots = package / "sampling" / "settings.py", frozenset({"gencompare.sampling.settings"})
    before = code_hash(roots, package)
    path.write_text(path.read_text().replace("2 * self.steps - 1", "2 * self.steps", 1))
    code_hash.cache_clear()
    assert code_hash(roots, package) != before


def test_nothing_that_computes_is_taken_from_where_settings_stand():
    """What stands there is not hashed, and would change unnoticed."""
    hashed = set(source_code.modules_in("models", "objectives", "training")) - source_code.WITHOUT_EFFECT
    for name in sorted(hashed):
        source = source_code._file(name, source_code.PACKAGE).read_bytes()
        for where, taken in source_code._parsed(source)[1]:
            if where in source_code.WITHOUT_EFFECT and where.endswith("settings"):
                value = getattr(importlib.import_module(where), taken)
                assert isinstance(value, type) or get_origin(value) is Literal, (
                    f"{name} takes {taken} of {where}"
                )
