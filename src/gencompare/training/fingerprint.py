"""What a training's result depends on, as one hash: two trainings with the same fingerprint are the same training.

It covers settings that change the result (class defaults too), files that the model is made of, the training images, the
kind of device, torch's version, and the code that is reached from the model, the objective and the loop: their syntax
without docstrings and comments. How often checkpoints are written, how progress is shown, on how many images points are validated or
which weights make the samples afterwards changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gencompare.models import MODELS
from gencompare.source_code import code_hash, defined_in
from gencompare.training.deciding import deciding
from gencompare.training.device import find_device

ALWAYS = frozenset({"gencompare.imagesets.subset", "gencompare.training.loop"})
"""What every training is made by: which images it sees, and the loop."""


def fingerprint(settings: Mapping[str, Any], content: str, modules: Iterable[str]) -> str:
    """Hash everything that decides a training's result.

    Args:
        settings: complete, of the contender: `model`, `objective`, `training`, `images`, `seed`.
        content: hash of the training images.
        modules: of its networks and its objective (see `modules_of`); those of ALWAYS are known.
    """
    facts = deciding(settings) | {"content": content}
    if files := contents(settings["model"]):
        facts |= {"files": files}
    roots = ALWAYS.union(modules)
    if settings["training"].get("processes", 1) > 1:
        roots |= {"gencompare.running.parallel"}  # whose sums are rounded otherwise
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    device = find_device(settings["training"]["device"]).type
    digest.update(f"{code_hash(roots)} {torch.__version__} {device}".encode())
    return digest.hexdigest()[:32]


def contents(model: Mapping[str, Any]) -> dict[str, str]:
    """Hash the files that a model is made of beside its settings, by name, those that are there; most need none.

    Args:
        model: its settings, complete, with the `name` of one of MODELS.
    """
    cls = MODELS.get(model["name"])
    if cls is None or not hasattr(cls, "files"):
        return {}
    files = cls(**{key: value for key, value in model.items() if key != "name"}).files()
    states = {name: (path.absolute(), path.stat()) for name, path in files.items() if path.is_file()}
    return {
        name: _file_hash(path, state.st_size, state.st_mtime_ns) for name, (path, state) in states.items()
    }


@cache
def _file_hash(path: Path, size: int, changed: int) -> str:
    """Hash a file, which is read once as long as it has the same size and was changed at the same time."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def modules_of(*objects: object) -> frozenset[str]:
    """Return the modules of this package that define some objects; of networks, their layers too."""
    parts = [part for one in objects for part in (one.modules() if isinstance(one, nn.Module) else [one])]
    return defined_in(*map(type, parts))
