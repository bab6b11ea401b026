"""Checkpoints that hold everything training needs to go on as if it had never stopped.

A checkpoint is a folder of two files, `tensors.safetensors` and `state.json`, written beside its final
name and then renamed, so that a folder with the final name is always complete.
"""

from __future__ import annotations

import json
import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from safetensors.torch import save as serialised

from gencompare.files import read_json, read_sound, sync

Tensors = dict[str, torch.Tensor]

TENSORS, STATE = "tensors.safetensors", "state.json"
KEPT = 2
"""Checkpoints: should the newest turn out to be broken, training goes on from the one before."""


def save(folder: Path, name: str, tensors: Tensors, state: dict[str, Any]) -> None:
    """Write checkpoint `name`, a number of steps, into a folder, atomically, and remove all but the one before it."""
    final, scratch = folder / name, folder / f".{name}.partial"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    # Not by safetensors' own writer, whose error of a full disk has no number.
    (scratch / TENSORS).write_bytes(
        serialised({key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()})
    )
    (scratch / STATE).write_text(json.dumps(state | {"crc32": _checksum(scratch / TENSORS)}))
    for file in scratch.iterdir():
        sync(file)
    shutil.rmtree(final, ignore_errors=True)
    os.replace(scratch, final)
    sync(folder)
    whole = _whole(folder)
    for other in folder.iterdir():
        if other.is_dir() and other not in whole[:KEPT] and ".broken" not in other.name:
            shutil.rmtree(other, ignore_errors=True)


def load_latest(folder: Path) -> tuple[Tensors, dict[str, Any]] | None:
    """Return the tensors and state of the newest checkpoint that can be read, or None where there is none to go on
    from. One that is broken is set aside, with a line."""
    for path in _whole(folder):
        found = read_sound(path, _load)
        if found is not None:
            return found
    return None


def forget(folder: Path, unless: Callable[[dict[str, Any]], bool]) -> bool:
    """Remove the newest checkpoints of a folder, as far as to one whose state will do; return whether there were any.

    One whose state cannot be read stays for `load_latest`, which sets it aside.
    """
    found = False
    for path in _whole(folder):
        state = read_sound(path / STATE, read_json)
        if state is None:
            continue
        if unless(state):
            break
        shutil.rmtree(path)
        found = True
    return found


def status(folder: Path) -> str | None:
    """Return the status that the newest checkpoint has, None where there is none."""
    found = (read_sound(path / STATE, read_json) for path in _whole(folder))
    return next((str(state["status"]) for state in found if state is not None), None)


def _load(path: Path) -> tuple[Tensors, dict[str, Any]]:
    missing = [name for name in (TENSORS, STATE) if not (path / name).is_file()]
    if missing:
        raise ValueError(f"{missing[0]} is not there")
    state = read_json(path / STATE)
    if state.pop("crc32", None) not in (None, _checksum(path / TENSORS)):
        raise ValueError(f"{TENSORS} is not as it was written")
    return load_file(path / TENSORS), state


def _whole(folder: Path) -> list[Path]:
    """List the checkpoints of a folder, the newest first."""
    found = [path for path in folder.glob("[0-9]*") if path.name.isdecimal()] if folder.is_dir() else []
    return sorted(found, key=lambda path: int(path.name), reverse=True)


def _checksum(path: Path) -> int:
    checksum = 0
    with path.open("rb") as file:
        while piece := file.read(2**20):
            checksum = zlib.crc32(piece, checksum)
    return checksum
