"""Finished comparisons read back from the versions that the catalog keeps: `<file>/<version>/<file>`."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from gencompare.comparisons import MAIN, Training
from gencompare.config.typed import SettingError
from gencompare.evaluation.passport import PassportMismatch, differences
from gencompare.evaluation.table import combined
from gencompare.files import read_json, read_sound
from gencompare.reporting.belonging import RECORD, belonging

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Version:
    """One run of a comparison.

    Attributes:
        name: the catalog's version, the time at which the run began.
        scores: {contender: as `evaluation.scoring.score` or `evaluation.table.combined` returns them}.
        origin: what was recorded of where it comes from, `git_commit` and `settings` among it; empty for runs
            that recorded nothing.
    """

    name: str
    scores: Mapping[str, Any]
    origin: Mapping[str, Any]

    @property
    def when(self) -> str:
        """Its time as people read it, to the second."""
        return when(self.name)

    @property
    def commit(self) -> str:
        """The git commit of the code, empty where it was not recorded."""
        return str(self.origin.get("git_commit", ""))

    def score(self, contender: str, kind: str) -> Mapping[str, Any] | None:
        """Return one kind of score of a contender, None where it has none."""
        scores = self.scores.get(contender, {}).get("scores", {})
        return next((one | {"name": name} for name, one in scores.items() if one["kind"] == kind), None)

    def passport(self, kind: str) -> Mapping[str, Any] | None:
        """Return the passport that all scores of one kind share, None where there are none."""
        found = (self.score(contender, kind) for contender in self.scores)
        return next((one["passport"] for one in found if one is not None), None)


@dataclass(frozen=True)
class ComparisonHistory:
    """Every version of a comparison on one image set, the oldest first."""

    comparison: str
    image_set: str
    versions: Sequence[Version]

    @property
    def kinds(self) -> list[str]:
        """Every kind of score, the one that decides first."""
        found = {
            one["kind"]: None
            for version in reversed(self.versions)
            for described in version.scores.values()
            for one in described["scores"].values()
        }
        return list(found)

    @property
    def contenders(self) -> list[str]:
        """Every contender, those of the newest version first."""
        return list(dict.fromkeys(name for version in reversed(self.versions) for name in version.scores))

    def comparable_spans(self, kind: str) -> list[tuple[list[Version], list[str]]]:
        """Cut the versions wherever two scores that follow each other may not be compared.

        Returns:
            For each span its versions, and how its passport differs from that of the span before.
        """
        found: list[tuple[list[Version], list[str]]] = []
        for version in self.versions:
            stamp = version.passport(kind)
            if stamp is None:
                continue
            before = found[-1][0][-1].passport(kind) if found else None
            apart = differences(before, stamp) if before else []
            if before is None or apart:
                found.append(([], apart))
            found[-1][0].append(version)
        return found


def when(version: str) -> str:
    """Return a version's time as people read it, to the second."""
    return version[:19].replace("T", " ").replace(".", ":")


def is_of(folder: Path, image_set: str | None) -> bool:
    """Say whether a comparison's folder is of this image set, however it was prepared; of None all are."""
    return image_set is None or folder.name == image_set or folder.name.startswith(f"{image_set}-")


def nothing_yet(reports: Path, comparison: str | None, image_set: str | None) -> SettingError:
    """What to say where no comparison, or not the one that was asked for, has been finished: what to run first."""
    which = f"comparison={comparison!r}: nothing of it" if comparison else "nothing"
    where = f" on {image_set}" if image_set else ""
    return SettingError(
        f"{which}{where} is in {reports} yet; run it first: kedro run --pipeline={comparison or MAIN}"
    )


def read_histories(
    reports: Path, outputs: Path, comparisons: Sequence[str], image_set: str | None = None
) -> list[ComparisonHistory]:
    """Read what is kept of comparisons.

    Args:
        reports, outputs: the folders of reports and of model outputs.
        comparisons: names of those wanted.
        image_set: on this image set only, however it was prepared; on all where left out.
    """
    histories = []
    for comparison in comparisons:
        for folder in sorted((reports / comparison).glob("*/")):
            if is_of(folder, image_set):
                versions = _versions(folder, outputs / comparison / folder.name)
                if versions:
                    histories.append(ComparisonHistory(comparison, folder.name, versions))
    return histories


def _versions(report: Path, outputs: Path) -> list[Version]:
    versions = []
    for table in sorted(report.glob("scores.csv/*/scores.csv")):
        name = table.parent.name
        read = read_sound(table, pd.read_csv)
        try:
            scores = {} if read is None else _scores(read, outputs, name, _read(table.with_name(RECORD)))
        except PassportMismatch as error:
            logger.warning("%s is left out: %s", table, error)
            continue
        if scores:
            versions.append(Version(name, scores, _read(report / "origin.json" / name / "origin.json")))
    return versions


def _scores(table: pd.DataFrame, outputs: Path, version: str, recorded: Mapping[str, str]) -> dict[str, Any]:
    """Find the scores behind a table: with passports, each contender's seeds together."""
    seeds = table[table["kind"] == "contender"].groupby("contender", sort=False).size()
    found = {}
    for contender, count in seeds.items():
        names = [Training(str(contender), repeat).name for repeat in range(count)]
        files = [belonging(outputs, f"{name}/scores.json", version, recorded) for name in names]
        if all(files):
            read = [_read(file) for file in files if file]
            if all(read):
                found[str(contender)] = combined(read)
    return found


def _read(file: Path) -> dict[str, Any]:
    return read_sound(file, read_json) or {}
