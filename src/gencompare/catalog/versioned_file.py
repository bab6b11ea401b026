"""What the project's one-file datasets share."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, TypeVar

import fsspec
from kedro.io import DatasetError
from kedro.io.core import AbstractVersionedDataset, Version, get_filepath_str, get_protocol_and_path

Saved = TypeVar("Saved")
Loaded = TypeVar("Loaded")


class VersionedFile(AbstractVersionedDataset[Saved, Loaded]):
    """One file on any fsspec filesystem, versioned where the catalog says so."""

    def __init__(
        self, *, filepath: str, version: Version | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        """Name the file: `filepath`, to which Kedro adds the version."""
        protocol, path = get_protocol_and_path(filepath, version)
        self._protocol = protocol
        self._fs = fsspec.filesystem(protocol, **({"auto_mkdir": True} if protocol == "file" else {}))
        self.metadata = metadata
        super().__init__(PurePosixPath(path), version, self._fs.exists, self._fs.glob)

    def _read(self) -> bytes:
        with self._fs.open(get_filepath_str(self._get_load_path(), self._protocol), "rb") as file:
            return file.read()

    def _write(self, content: bytes) -> None:
        with self._fs.open(get_filepath_str(self._get_save_path(), self._protocol), "wb") as file:
            file.write(content)

    def _exists(self) -> bool:
        try:
            return bool(self._fs.exists(get_filepath_str(self._get_load_path(), self._protocol)))
        except DatasetError:  # no version yet
            return False

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "version": self._version}
