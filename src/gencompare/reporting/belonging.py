"""Which version of each of a comparison's files goes with a report: a later one may be of other settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

RECORD = "versions.json"
"""Lies beside a report's table and origin: the versions of all that the run read or wrote, by path in the comparison's
folder of any layer: `dcgan/scores.json`, `costs.csv`."""
RECORDED = frozenset({"table", "origin"})
RECORDED_FILES = frozenset({"scores.csv", "origin.json"})
"""Kinds of artifacts that it lies beside, and the names of their files."""


def version_of(name: str, there: Iterable[str], report: str, recorded: Mapping[str, str]) -> str | None:
    """Say which version of a file goes with a report.

    Args:
        name: the file's path in the comparison's folder.
        there: its versions.
        report: version of the report.
        recorded: what lies beside it as RECORD; where that says nothing of the file, as of reports written before there
            was one, it is the newest up to the report's: a run that only wrote its report anew scored nothing.
    """
    if name in recorded:
        return recorded[name]
    return max((version for version in there if version <= report), default=None)


def belonging(folder: Path, name: str, report: str, recorded: Mapping[str, str]) -> Path | None:
    """Find the version of a file that goes with a report; None where it is not there any more.

    Args:
        folder: of the comparison on its image set, in the file's layer.
        name, report, recorded: see `version_of`.
    """
    artifact = folder / name
    files = {file.parent.name: file for file in artifact.glob(f"*/{artifact.name}")}
    return files.get(version_of(name, files, report, recorded) or "")
