"""What a run may reuse: only what was made from what it would make it from. What that was lies beside each artifact."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DatasetError
from kedro.pipeline import Pipeline
from kedro_datasets.partitions import PartitionedDataset

from gencompare.catalog.whole import WholeCatalog, is_file
from gencompare.comparisons import Training
from gencompare.config.typed import SettingError, flatten
from gencompare.files import write_json
from gencompare.hooks.plan import plan_of
from gencompare.imagesets import make_image_set, storage
from gencompare.pipelines import naming
from gencompare.provenance import COUNTS_WITH
from gencompare.reporting.belonging import RECORD, RECORDED
from gencompare.source_code import PACKAGE, code_hash, modules_in

logger = logging.getLogger(__name__)

MADE_FROM = "made_from.json"
TRAINED = frozenset(
    "settings weights best_weights stage_weights fitted shape history outcome cost curve curve_samples budget".split()
)
"""Kinds of artifacts that do not depend on how samples are scored."""
SCORED = frozenset({"scores", "reference"})
"""Kinds that depend on all of it; of the others of a training, the number of samples alone."""
MADE_BY = "models objectives training sampling evaluation pipelines/modelling pipelines/imagesets".split()
REPORTED_BY = [*MADE_BY, "reporting", "pipelines/reporting"]
"""Folders of the code that makes what is a training's, and what is a comparison's."""
UNCONCERNED = frozenset({"checkpoint_seconds"})
HOW_FAST = frozenset({"batch_size", "device"})


class ReuseHook:
    """Notes beside every artifact what it was made from, and lets a run reuse only what agrees with its settings."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Take note of what is planned."""
        self._plan = plan_of(context)

    @hook_impl(tryfirst=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: WholeCatalog
    ) -> None:
        """Choose the versions that are reused.

        Raises:
            SettingError: if what the run takes from earlier ones was made with other settings, or is broken.
        """
        from gencompare.pipeline_registry import Owned, owners

        self._code = {False: _code(MADE_BY), True: _code(REPORTED_BY)}  # as it is imported now
        self._owners, self._catalog = owners(self._plan.comparisons), catalog
        for name, comparison in self._plan.comparisons.items():
            for one in comparison.contenders:
                self._owners[naming.dataset(name, "budget", one)] = Owned("budget", name, Training(one, 0))
        self._contents: dict[str, str] = {}
        anew = run_params["only_missing_outputs"]
        reused = self._owners.keys() & (pipeline.datasets() if anew else pipeline.inputs())
        stale: dict[tuple[str, str], list[str]] = {}
        for whose in sorted({self._owners[name].comparison for name in reused} if anew else ()):
            if reason := self._changed_source(whose):
                self._make_again(naming.dataset(whose, "prepared"), reason, stale)
        kept: dict[str, list[str]] = {}
        older: dict[tuple[str, str, str], list[str]] = {}
        for name in sorted(reused):
            owned = self._owners[name]
            if (reason := self._choose(name, older)) is None:
                if owned.kind == "weights" and owned.training is not None and self._catalog.exists(name):
                    kept.setdefault(owned.comparison, []).append(owned.training.name)
            else:
                if not anew:
                    advice = "run without --tags and the like, so that it is made anew"
                    raise SettingError(f"{name.partition('.')[2]}: {reason}; {advice}")
                self._make_again(name, reason, stale)
        _say_what_is_used(kept, older, stale)
        if not anew:
            self._say_what_changed(pipeline)
        self._versions = self._versions_of(pipeline, anew)
        catalog.when_saving = self._lay_notes

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        """Look at images that were prepared anew once more."""
        owned = self._owners.get(dataset_name)
        if owned is not None and owned.kind == "prepared":
            self._contents.pop(owned.comparison, None)

    def _lay_notes(self, dataset_name: str, folder: Path) -> None:
        """Note what a dataset was made from, and beside a report which version of everything goes with it."""
        owned = self._owners.get(dataset_name)
        if owned is not None:
            if owned.kind in RECORDED:
                write_json(folder / RECORD, self._versions[owned.comparison])
            write_json(folder / MADE_FROM, self._wanted(dataset_name))

    def _make_again(self, name: str, reason: str, stale: dict[tuple[str, str], list[str]]) -> None:
        """Have a dataset made anew; where it is there, note why."""
        if self._catalog.exists(name):
            whose, _, kind = name.rpartition(".")
            stale.setdefault((whose, reason), []).append(kind)
        self._catalog.forget(name)

    def _choose(self, name: str, older: dict[tuple[str, str, str], list[str]]) -> str | None:
        """Have the newest version read that is whole and agrees, noting it where others are newer; or say why there is
        none."""
        if folder := pictures(self._catalog[name]):
            return disagreement(self._wanted(name), made_from(folder))
        if not is_file(self._catalog[name]):
            return None
        reasons: list[str] = []
        for version in self._catalog.versions(name) if self._catalog.exists(name) else ():
            reason = disagreement(self._wanted(name), made_from(self._catalog.folder(name, version)))
            if reason is None:
                try:
                    self._catalog.read(name, version)
                except DatasetError:
                    reason = f"version {version} cannot be read"
            if reason is None:
                if reasons:
                    whose, _, kind = name.rpartition(".")
                    older.setdefault((whose, version, reasons[0]), []).append(kind)
                return None
            reasons.append(reason)
        return reasons[0] if reasons else "there is none yet"

    def _versions_of(self, pipeline: Pipeline, anew: bool) -> dict[str, dict[str, str]]:
        """For each comparison, by path in its folder, which version of its files the run reads, or writes."""
        written = {name for node in self._catalog.to_run(pipeline, anew) for name in node.outputs}
        found: dict[str, dict[str, str]] = {}
        for name in sorted(self._owners.keys() & pipeline.datasets() & set(self._catalog)):
            owned = self._owners[name]
            dataset: Any = self._catalog[name]
            versions = [self._catalog.version] if name in written else self._catalog.versions(name)
            if is_file(dataset) and versions:
                file = Path(str(dataset._filepath)).name
                path = f"{owned.training.name}/{file}" if owned.training else file
                found.setdefault(owned.comparison, {})[path] = versions[0]
        return found

    def _wanted(self, name: str) -> dict[str, Any]:
        """Return what a dataset is made from by this run's settings."""
        from gencompare.training.device import find_device

        owned = self._owners[name]
        planned = self._plan.planned[owned.comparison]
        evaluation = {k: v for k, v in planned.evaluation.values.items() if k not in HOW_FAST}
        is_reported = owned.training is None and owned.kind not in SCORED
        if owned.kind == "profile":
            return {"images": self._content(owned.comparison), "code": self._code[True]}
        found: dict[str, Any] = {
            "images": self._content(owned.comparison),
            "code": self._code[is_reported],
            "device": find_device(
                planned.settings(owned.training)["training"]["device"] if owned.training else "auto"
            ).type,
        }
        if owned.training is not None:
            found |= _with_files(planned.settings(owned.training))
        elif owned.kind not in SCORED:
            every = {one.name: _with_files(planned.settings(one)) for one in planned.trainings}
            claims = enumerate(planned.comparison.claims if planned.comparison else ())
            expected = {str(place): asdict(claim) for place, claim in claims}
            found |= {"trainings": every, "evaluation": evaluation, "claims": expected}
        if owned.kind in SCORED:
            found |= {"evaluation": evaluation}
        elif owned.training is not None and owned.kind not in TRAINED:
            found |= {"evaluation": {"samples": evaluation["samples"]}}
        return json.loads(json.dumps(found))  # as a file holds it

    def _content(self, comparison: str) -> str:
        """Return the hash of the prepared images, empty where they are not prepared."""
        if comparison not in self._contents:
            folder = self._folder(comparison)
            is_there = storage.is_complete(folder)
            hashes = storage.read_card(folder)["sha256"] if is_there else {}
            self._contents[comparison] = " ".join(hashes[split] for split in sorted(hashes))
        return self._contents[comparison]

    def _folder(self, comparison: str) -> Path:
        return Path(self._catalog[naming.dataset(comparison, "prepared")]._describe()["filepath"])

    def _changed_source(self, comparison: str) -> str | None:
        """Say so if the images are prepared from what has changed since; what is made from them goes with them."""
        folder = self._folder(comparison)
        if not storage.is_complete(folder):
            return "they are not prepared yet"
        now = make_image_set(self._plan.planned[comparison].image_set.values).fingerprint()
        if storage.read_card(folder)["fingerprint"] == now:
            return None
        self._contents[comparison] = ""
        return "their source, settings or code have changed"

    def _say_what_changed(self, pipeline: Pipeline) -> None:
        """Name what is trained with other settings than the last time."""
        for name in sorted(pipeline.all_outputs() & set(self._owners)):
            owned = self._owners[name]
            if owned.kind == "settings" and owned.training and self._catalog.exists(name):
                made = made_from(self._catalog.folder(name, self._catalog.versions(name)[0]))
                same = {"images": "", "code": ""}
                changes = changed(self._wanted(name) | same, made | same)
                if made and changes:
                    logger.info("%s is not what it was last: %s", owned.training.name, changes)


def pictures(dataset: Any) -> Path | None:
    """Return the folder of a dataset of several files, where there are some; they have no versions."""
    folder = Path(dataset._path) if isinstance(dataset, PartitionedDataset) else None
    return folder if folder is not None and folder.is_dir() else None


def made_from(folder: Path) -> dict[str, Any]:
    """Return what a version was made from, empty where that was not noted, for its run was cut short."""
    file = folder / MADE_FROM
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}


def disagreement(wanted: Mapping[str, Any], made: Mapping[str, Any]) -> str | None:
    """Say in what an artifact disagrees with what is wanted; None where it does not."""
    if not made:
        return "it is not known what it was made from"
    if wanted["images"] != made.get("images"):
        return "what is saved was made from other images"
    if wanted["code"] != made.get("code"):
        return "what is saved was made by other code"
    one, other = flatten(wanted), flatten(made)
    for name in [*one, *other]:
        if one.get(name) != other.get(name):
            return (
                f"what is saved was made with {name}={other.get(name)!r}, and asked for is {one.get(name)!r}"
            )
    return None


def changed(wanted: Mapping[str, Any], made: Mapping[str, Any]) -> str:
    """Say what was otherwise, in a few words."""
    one, other = flatten(wanted), flatten(made)
    names = [name for name in dict.fromkeys([*one, *other]) if one.get(name) != other.get(name)]
    return ", ".join(f"{name} {other.get(name)} → {one.get(name)}" for name in names[:5])


def _say_what_is_used(
    kept: Mapping[str, list[str]],
    older: Mapping[tuple[str, str, str], list[str]],
    stale: Mapping[tuple[str, str], list[str]],
) -> None:
    """Name what is kept, what is of an older version and what is made again, a line for all of the same reason."""
    for whose, trainings in kept.items():
        logger.info("%s: kept as trained before: %s", whose, ", ".join(trainings))
    for (whose, version, reason), kinds in older.items():
        logger.info("%s: version %s of %s is used; %s", whose, version, ", ".join(kinds), reason)
    for (whose, reason), kinds in stale.items():
        logger.info("%s: %s made again: %s", whose, ", ".join(kinds), reason)


def _code(folders: Sequence[str]) -> str:
    """Hash the code in some folders of this package, what else lies in them, and the versions of what they count with."""
    others = (path for folder in folders for path in (PACKAGE / folder).rglob("*") if path.is_file())
    versions = [importlib.metadata.version(name) for name in COUNTS_WITH]
    digest = hashlib.sha256(f"{code_hash(frozenset(modules_in(*folders)))} {versions}".encode())
    for path in sorted(path for path in others if path.suffix not in {".py", ".pyc"}):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _with_files(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of complete settings changes a result, and what the files hold that the model is made of."""
    from gencompare.training.fingerprint import contents

    files = contents(settings["model"])
    return _without_unconcerned(settings) | ({"files": files} if files else {})


def _without_unconcerned(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out of complete settings what changes no result."""
    training = {name: value for name, value in settings["training"].items() if name not in UNCONCERNED}
    return {**settings, "training": training}
