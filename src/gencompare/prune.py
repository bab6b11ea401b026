"""What of a project's artifacts is superseded, and how much room it takes: without torch."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import Any

from filelock import FileLock, Timeout

from gencompare.catalog.whole import VERSION
from gencompare.files import BROKEN, read_json
from gencompare.reporting.belonging import RECORD, RECORDED_FILES, version_of
from gencompare.training.deciding import deciding

LAYERS = ("05_model_input", "06_models", "07_model_output", "08_reporting")
WRITTEN = ("04_feature", *LAYERS)
"""Where a run writes. What is elsewhere in `data/` is a user's own."""
SECONDS_TO_BE_LEFT_OVER = 24 * 3600.0
"""What is younger may be what a run is writing."""


@dataclass(frozen=True)
class Superseded:
    """A file or folder that can go.

    Attributes:
        path: of it.
        size: bytes.
        why: in a few words.
    """

    path: Path
    size: int
    why: str


def superseded(project: Path, keep: int) -> list[Superseded]:
    """Find what can go: all but the newest versions of every artifact, trainings that no kept version is of, and what
    was set aside or left in part.

    What MLflow has not been told of yet is kept, and the scores that a kept report was written from.

    Args:
        project: its folder.
        keep: how many versions to keep of each artifact, at least 1.
    """
    data = project / "data"
    artifacts = sorted({path.parent for layer in LAYERS for path in _versions(data / layer)})
    kept_reports = [
        path / name for path in artifacts if path.name in RECORDED_FILES for name in _names(path)[:keep]
    ]
    reports = {report: _read(report / RECORD) or {} for report in kept_reports}
    waiting = _spooled(project / "mlspool")
    found, kept = [], []
    for artifact in artifacts:
        names = _names(artifact)
        needed = {*names[:keep], *(_needed(artifact, names, data, *one) for one in reports.items())}
        for name in names:
            path = artifact / name
            if name in needed or path / artifact.name in waiting:
                kept.append(path)
            else:
                found.append(Superseded(path, _size(path), f"there are {keep} newer versions"))
    used = [_decided(path / "settings.json") for path in kept if path.parent.name == "settings.json"]
    found += _trainings(data / "06_models/trainings", used)
    found += [Superseded(path, _size(path), why) for path, why in _left_over(data)]
    return found


def _needed(
    artifact: Path, names: list[str], data: Path, report: Path, recorded: dict[str, str]
) -> str | None:
    """Return which version of an artifact a report was written from; what is recorded is of its own comparison alone."""
    _, *place = artifact.relative_to(data).parts
    is_its_own = place[:2] == list(report.relative_to(data).parts[1:3])
    return version_of("/".join(place[2:]), names, report.name, recorded if is_its_own else {})


def remove(found: Iterable[Superseded]) -> None:
    """Remove what was found."""
    for one in found:
        if one.path.is_dir() and not one.path.is_symlink():
            shutil.rmtree(one.path)
        else:
            one.path.unlink(missing_ok=True)


def _trainings(folder: Path, used: list[Any]) -> Iterator[Superseded]:
    """Yield the folders of trainings that came to their end, are of no kept version, and that nobody is at."""
    for training in sorted(folder.glob("*/")):
        states = sorted(path for path in training.glob("[0-9]*/state.json") if path.parent.name.isdecimal())
        state = _read(states[-1]) if states else None
        if not state or state["status"] == "training" or _decided(training / "settings.json") in used:
            continue
        try:
            with FileLock(training / ".lock", timeout=0):
                yield Superseded(training, _size(training), "no kept version is of this training")
        except Timeout:
            continue


def _left_over(data: Path) -> Iterator[tuple[Path, str]]:
    young = time.time() - SECONDS_TO_BE_LEFT_OVER
    for path in sorted(path for folder in WRITTEN for path in _beneath(data / folder)):
        if re.search(r"\.broken\d*$", path.name):
            yield path, "was broken and set aside"
        elif path.suffix in (".part", ".partial") and (stat := _stat(path)) and stat.st_mtime < young:
            yield path, "was left in part by a run cut short"


def _beneath(folder: Path) -> Iterator[Path]:
    """Yield all files and folders in a folder, however deep. What a run takes away meanwhile is left out, where `rglob`
    fails."""
    for root, folders, files in os.walk(folder):
        yield from (Path(root, name) for name in [*folders, *files])


def _stat(path: Path) -> os.stat_result | None:
    """Look at a file that a run may have taken away."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _versions(folder: Path) -> Iterator[Path]:
    return (path for path in _beneath(folder) if VERSION.fullmatch(path.name) and path.is_dir())


def _names(artifact: Path) -> list[str]:
    """Return an artifact's versions, the newest first."""
    return sorted((path.name for path in artifact.iterdir() if VERSION.fullmatch(path.name)), reverse=True)


def _spooled(folder: Path) -> set[Path]:
    """Return the files that MLflow is still to be given. A damaged line it is not told of, either."""
    found: set[Path] = set()
    for line in (line for file in folder.glob("*.jsonl") for line in _text(file).splitlines()):
        try:
            message = json.loads(line)
        except ValueError:
            continue
        if message["do"] == "file":
            found.add(Path(message["path"]))
        elif message["do"] == "model":
            found |= {Path(path) for path in message["files"].values()}
    return found


def _text(file: Path) -> str:
    """Read a file; one that is gone by now, all delivered, as if it were empty."""
    try:
        return file.read_text("utf-8")
    except FileNotFoundError:
        return ""


def _decided(file: Path) -> dict[str, Any] | None:
    """Read what decides a training; who asked for it last gave the rest of the settings beside it."""
    found = _read(file)
    try:
        return deciding(found) if found else None
    except KeyError:  # of an earlier version
        return found


def _read(file: Path) -> dict[str, Any] | None:
    try:
        return read_json(file)
    except (*BROKEN, FileNotFoundError):
        return None


def _size(path: Path) -> int:
    files = map(_stat, _beneath(path) if path.is_dir() else [path])
    return sum(file.st_size for file in files if file is not None and S_ISREG(file.st_mode))
