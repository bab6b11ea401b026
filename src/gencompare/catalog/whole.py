"""The project's catalog: every artifact is there whole or not at all, and the newest is the one written last."""

from __future__ import annotations

import copy
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from kedro.framework.context import CatalogCommandsMixin
from kedro.io import AbstractDataset, DataCatalog, DatasetError, MemoryDataset
from kedro.io.core import AbstractVersionedDataset, Version, generate_timestamp
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro_datasets.partitions import PartitionedDataset

from gencompare.alone import alone
from gencompare.config.typed import SettingError
from gencompare.files import no_room, set_aside
from gencompare.training.progress import Stopped

logger = logging.getLogger(__name__)

VERSION = re.compile(r"\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d\.\d{3}Z")


class WholeCatalog(DataCatalog, CatalogCommandsMixin):
    """Kedro's catalog, but for how it treats files.

    - A file is saved under another name and renamed, so that a run cut short, or a full disk, leaves none in part.
    - A run reads what it wrote itself, whatever another run writes meanwhile.
    - A version's name is later than all before it, even when the clock went back.

    Attributes:
        when_saving: called with a dataset's name and the folder that its version, or its many files, were just written
            in, to lay notes beside them before another run can read or replace them.
        when_failing: called with the error where loading or saving fails: Kedro tells no hook, and waits for all other
            nodes.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._forgotten: set[str] = set()
        self.when_saving: Callable[[str, Path], None] = lambda name, folder: None
        self.when_failing: Callable[[Exception], None] = lambda error: None

    @classmethod
    def from_config(  # type: ignore[override]
        cls,
        catalog: dict[str, dict[str, Any]] | None,
        credentials: dict[str, dict[str, Any]] | None = None,
        load_versions: dict[str, str] | None = None,
        save_version: str | None = None,
        **named: Any,
    ) -> DataCatalog:
        """Make it, with a version to save that is later than those that there are."""
        wanted = save_version or generate_timestamp()
        newest = max(_versions(catalog or {}), default="")
        if newest >= wanted:
            wanted = _after(newest)
            logger.warning("The clock is behind the newest artifacts: this run's version is %s", wanted)
        return super().from_config(catalog, credentials, load_versions, wanted, **named)

    @property
    def version(self) -> str:
        """The version that this run saves."""
        return str(self._save_version)

    def __setitem__(self, key: str, value: Any) -> None:
        """Take a dataset, or data in memory. Of parameters, which are thousands, it is known how they are copied;
        to find that out Kedro looks for libraries that are not installed, each time."""
        if key.startswith("params:") and not isinstance(value, AbstractDataset):
            value = MemoryDataset(value, copy_mode="deepcopy")
        super().__setitem__(key, value)

    def load(self, ds_name: str, version: str | None = None) -> Any:
        """Load a dataset.

        Raises:
            DatasetError: if it cannot be loaded.
        """
        try:
            return super().load(ds_name, version)
        except Exception as error:
            self.when_failing(error)
            raise

    def save(self, ds_name: str, data: Any) -> None:
        """Save a dataset, whole.

        Raises:
            SettingError: in one line, what the user can do something about: images that cannot be prepared, a full disk.
            Stopped: if all work was asked to stop while images were prepared.
            DatasetError: anything else.
        """
        dataset = self[ds_name]
        try:
            if is_file(dataset):
                _save(dataset, data, partial(self.when_saving, ds_name))
            elif isinstance(dataset, PartitionedDataset):
                folder = Path(dataset._path)
                folder.parent.mkdir(parents=True, exist_ok=True)
                lock = folder.with_name(f".{folder.name}.lock")
                with alone(lock, f"{ds_name}: another run is replacing it; waiting"):
                    super().save(ds_name, data)
                    if folder.is_dir():  # which it is not where there are no files
                        self.when_saving(ds_name, folder)
            else:
                super().save(ds_name, data)
        except Exception as error:
            failed = (
                _explained(ds_name, dataset, error) if isinstance(error, (DatasetError, OSError)) else error
            )
            self.when_failing(failed)
            if failed is error:
                raise
            raise failed from error
        self._forgotten.discard(ds_name)

    def exists(self, ds_name: str) -> bool:
        """Return whether a dataset is there and not to be made anew. A folder of files may well be empty: what its
        node makes besides says whether it is there."""
        if ds_name in self._forgotten:
            return False
        return isinstance(self[ds_name], PartitionedDataset) or super().exists(ds_name)

    def to_run(self, pipeline: Pipeline, only_missing: bool) -> list[Node]:
        """Return the nodes of a pipeline that would run: all, or those of which an output is not there, or in memory."""
        return [
            node
            for node in pipeline.nodes
            if not only_missing or not all(self.exists(name) for name in node.outputs)
        ]

    def forget(self, ds_name: str) -> None:
        """Have a dataset made anew, though there are versions of it."""
        self._forgotten.add(ds_name)

    def versions(self, ds_name: str) -> list[str]:
        """List a dataset's versions, the newest first; where one was asked for, that one alone."""
        dataset: Any = self[ds_name]
        if not is_file(dataset) or dataset._version is None:
            return []
        if dataset._version.load:
            return [dataset._version.load]
        return dataset.list_versions(full_path=False)

    def folder(self, ds_name: str, version: str) -> Path:
        """Return the folder of a version."""
        dataset: Any = self[ds_name]
        return Path(str(dataset._get_versioned_path(version))).parent

    def read(self, ds_name: str, version: str) -> None:
        """Have a version read from now on.

        Raises:
            DatasetError: if it cannot be read, or is text without a letter; a broken one is set aside.
        """
        dataset: Any = self[ds_name]
        _pin(dataset, version)
        file = Path(str(dataset._get_versioned_path(version)))
        try:
            if isinstance(content := dataset.load(), str) and not content:
                raise DatasetError(f"{file} is empty")
        except DatasetError as error:
            _pin(dataset, None)
            if _is_of_the_machine(error.__cause__):
                raise
            logger.warning("%s cannot be read: set aside as %s", file, set_aside(file).name)
            raise


def _explained(name: str, dataset: Any, error: BaseException) -> Exception:
    """Return what a user is told of a dataset that was not saved: the line at the bottom of it, where there is one."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, (SettingError, Stopped)):
            return cause
        if isinstance(cause, OSError) and no_room(cause):
            where = dataset._describe()
            cause.filename = cause.filename or where.get("filepath") or where.get("path")
            return SettingError(f"{name}: {no_room(cause)}")
        cause = cause.__cause__
    return DatasetError(f"{name}: {error}")


def is_file(dataset: Any) -> bool:
    """Return whether a dataset is one file on this machine."""
    return isinstance(dataset, AbstractVersionedDataset) and getattr(dataset, "_protocol", "") == "file"


def _save(dataset: Any, data: Any, lay_notes: Callable[[Path], None]) -> None:
    """Save beside the final place, then rename: a version with its folder, for that is made with it."""
    final = Path(str(dataset._get_save_path()))
    version = dataset._version.save if dataset._version else None
    beside = final.parents[1] if version else final
    part = beside.with_name(f".{beside.name}.{version or os.urandom(8).hex()}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        copied = copy.copy(dataset)
        copied._filepath, copied._version = PurePosixPath(part / final.name), None
        copied.save(data)
        if version:
            lay_notes(part)
            final.parents[1].mkdir(exist_ok=True)
            part.rename(final.parent)
            _pin(dataset, version)
        else:
            (part / final.name).replace(final)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _pin(dataset: Any, version: str | None) -> None:
    dataset._version = Version(version, dataset._version.save)
    dataset._clear_version_cache()


def _is_of_the_machine(cause: BaseException | None) -> bool:
    """Whether reading failed for want of memory, permission or the like, and not for what is in the file."""
    return isinstance(cause, MemoryError) or (isinstance(cause, OSError) and cause.errno is not None)


def _versions(catalog: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield the names of all versions in the folders that a catalog's entries lie in."""
    paths = [entry["filepath"] for entry in catalog.values() if entry.get("versioned")]
    folders = {str(path).split("{")[0].rpartition("/")[0] for path in paths}
    roots = [one for one in folders if not any(one.startswith(f"{other}/") for other in folders)]
    for root in roots:
        for _, names, _ in os.walk(root):
            yield from filter(VERSION.fullmatch, names)
            names[:] = [name for name in names if not VERSION.fullmatch(name)]


def _after(version: str) -> str:
    """Return a version a millisecond later."""
    time = datetime.strptime(version, "%Y-%m-%dT%H.%M.%S.%fZ").replace(tzinfo=UTC)
    later = time + timedelta(milliseconds=1)
    return later.strftime("%Y-%m-%dT%H.%M.%S.") + f"{later.microsecond // 1000:03d}Z"
