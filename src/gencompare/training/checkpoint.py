"""Checkpoints that hold everything training needs to go on as if it had never stopped.

A checkpoint is a folder of two files, `tensors.safetensors` and `state.json`, written beside its final
name and then renamed, so that a folder with the final name is always complete.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

Tensors = dict[str, torch.Tensor]


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
        if other != final and other.is_dir():
            shutil.rmtree(other, ignore_errors=True)


def load_latest(folder: Path) -> tuple[Tensors, dict[str, Any]] | None:
    """Return the newest checkpoint's tensors and state, or None where there is none to go on from."""
    complete = [path for path in folder.glob("[0-9]*") if path.is_dir()] if folder.is_dir() else []
    if not complete:
        return None
    newest = max(complete, key=lambda path: int(path.name))
    return load_file(newest / "tensors.safetensors"), json.loads((newest / "state.json").read_text())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
