"""What a training's result depends on, as one hash: two trainings with the same fingerprint are the same training.

It covers settings that change the result (class defaults too), files that the model is made of, the training images, the
kind of device, torch's version, and the code that is reached from the model, the objective and the loop: their syntax
without docstrings and comments. How often checkpoints are written, how progress is shown, on how many images points are validated or
which weights make the samples afterwards changes nothing.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gencompare.array_files import parsing
from gencompare.models import MODELS
from gencompare.training.deciding import deciding
from gencompare.training.device import find_device

PACKAGE = Path(__file__).parents[1]
WITHOUT_EFFECT = frozenset(
    f"gencompare.{module}"
    for module in (
        "config.typed",
        "training.checkpoint",
        "training.device",
        "training.progress",
        "models.settings",
        "models.gan_settings",
        "objectives.settings",
        "sampling.settings",
        "training.settings",
    )
)
"""Modules that training reaches and that leave its result alone. Settings are hashed themselves, so nothing that
computes may stand beside them."""
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


def modules_of(*objects: object) -> set[str]:
    """Return the modules of this package that define some objects; of networks, their layers too."""
    parts = [part for one in objects for part in (one.modules() if isinstance(one, nn.Module) else [one])]
    classes = {cls for part in parts for cls in type(part).__mro__}
    return {cls.__module__ for cls in classes if cls.__module__.split(".")[0] == PACKAGE.name}


def modules_in(*rooms: str) -> list[str]:
    """List the modules in some folders of this package; without any, all of it."""
    files = [file for room in rooms or ("",) for file in (PACKAGE / room).rglob("*.py")]
    modules = (file.relative_to(PACKAGE.parent).with_suffix("") for file in files)
    return sorted(".".join(module.parts).removesuffix(".__init__") for module in modules)


@cache
def code_hash(roots: frozenset[str], package: Path = PACKAGE) -> str:
    """Hash the code of some modules of this package and of all that they import from it, however far."""
    digest = hashlib.sha256()
    for module in sorted(_reached(roots, package)):
        digest.update(module.encode() + _parsed(_file(module, package).read_bytes())[0].encode())
    return digest.hexdigest()


def _reached(roots: frozenset[str], package: Path) -> set[str]:
    """Follow imports; what a module's package imports for others in its `__init__` is not followed.

    A module without effect on training is left out where others import it: one that was asked for counts.
    """
    found: set[str] = set()
    left = set(roots)
    while left:
        module = left.pop()
        if module in found or (module in WITHOUT_EFFECT and module not in roots):
            continue
        found.add(module)
        left |= set(_imported(_file(module, package), package))
    return found


def _imported(file: Path, package: Path) -> Iterable[str]:
    """Yield the modules of this package that a file imports anywhere, by `from … import …` as all of it does."""
    for module, name in _parsed(file.read_bytes())[1]:
        if module.split(".")[0] == package.name:
            inner = f"{module}.{name}"
            yield inner if _file(inner, package).is_file() else module


def _file(module: str, package: Path) -> Path:
    """Return where a module lies; of a package, its `__init__`."""
    path = package.parent / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def _parsed(source: bytes) -> tuple[str, list[tuple[str, str]]]:
    """Return a file's syntax tree as text, without docstrings, comments and places, and what it imports from where."""
    with parsing:
        tree = ast.parse(source)
    imported = [
        (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    ]
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [one for one in body if not _is_text(one)]  # type: ignore[attr-defined]
    return ast.dump(tree), imported


def _is_text(node: ast.stmt) -> bool:
    """Whether a statement is a string alone: a docstring, of a module, class, function or constant."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
