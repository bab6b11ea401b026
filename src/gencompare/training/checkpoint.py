"""Checkpoints that hold everything training needs to go on as if it had never stopped.

A checkpoint is a folder of two files, `tensors.safetensors` and `state.json`, written beside its final
name and then renamed, so that a folder with the final name is always complete.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

logger = logging.getLogger(__name__)

Tensors = dict[str, torch.Tensor]


def fingerprint(facts: dict[str, Any]) -> str:
    """Hash what decides a training's result: its facts, the code that trains, and torch's version.

    Args:
        facts: JSON-ready settings, seed and content hash of the training images.
    """
    rooms = [Path(__file__).parents[1] / room for room in ("models", "objectives", "training")]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for source in sorted(file for room in rooms for file in room.rglob("*.py")):
        digest.update(source.read_bytes())
    digest.update(torch.__version__.encode())
    return digest.hexdigest()


def save(folder: Path, name: str, tensors: Tensors, state: dict[str, Any]) -> None:
    """Write checkpoint `name` into a folder, atomically, and remove the ones before it."""
    final, scratch = folder / name, folder / f".{name}.partial"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    save_file(
        {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()},
        scratch / "tensors.safetensors",
    )
    (scratch / "state.json").write_text(json.dumps(state))
    for file in scratch.iterdir():
        _sync(file)
    shutil.rmtree(final, ignore_errors=True)
    os.replace(scratch, final)
    _sync(folder)
    for other in folder.iterdir():
        if other != final:
            shutil.rmtree(other, ignore_errors=True)


def load_latest(folder: Path, wanted: str) -> tuple[Tensors, dict[str, Any]] | None:
    """Return the newest checkpoint's tensors and state, or None where there is none to go on from.

    A checkpoint of other settings, data or code (its fingerprint is not `wanted`) is set aside with a
    line that says so.
    """
    newest = _newest(folder)
    if newest is None:
        return None
    state = _state(newest)
    if state["fingerprint"] != wanted:
        logger.info("%s was made with other settings, images or code: training starts anew.", newest)
        return None
    return load_file(newest / "tensors.safetensors"), state


def find_over(folders: Iterable[Path], wanted: str) -> tuple[Tensors, dict[str, Any]] | None:
    """Return tensors and state of a training that is over, from the first folder that holds it, or None."""
    for folder in folders:
        newest = _newest(folder)
        state = _state(newest) if newest else {}
        if newest and state["fingerprint"] == wanted and state["status"] != "training":
            logger.info("This training is already over in %s; to train it again, remove that folder.", folder)
            return load_file(newest / "tensors.safetensors"), state
    return None


def _newest(folder: Path) -> Path | None:
    complete = [path for path in folder.glob("[0-9]*") if path.is_dir()] if folder.is_dir() else []
    return max(complete, key=lambda path: int(path.name), default=None)


def _state(checkpoint: Path) -> dict[str, Any]:
    state: dict[str, Any] = json.loads((checkpoint / "state.json").read_text())
    return state


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
