"""What code makes a result: a hash of modules of this package and of all that they import from it, however far.

Of each the syntax counts, without docstrings and comments.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from gencompare.array_files import parsing

PACKAGE = Path(__file__).parent
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


def modules_in(*rooms: str) -> list[str]:
    """List the modules in some folders of this package; without any, all of it."""
    files = [file for room in rooms or ("",) for file in (PACKAGE / room).rglob("*.py")]
    modules = (file.relative_to(PACKAGE.parent).with_suffix("") for file in files)
    return sorted(".".join(module.parts).removesuffix(".__init__") for module in modules)


def defined_in(*classes: type) -> frozenset[str]:
    """Return the modules of this package that define some classes and what they derive from; a user's own are none of it."""
    every = {cls for one in classes for cls in one.__mro__}
    return frozenset(cls.__module__ for cls in every if cls.__module__.split(".")[0] == PACKAGE.name)


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
