"""A folder of the project that a node may read and write in, placed by the catalog like everything else."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset
from kedro.io.core import DatasetError


class FolderDataset(AbstractDataset[NoReturn, Path]):
    """Loads as the path of a folder, which is made if it is missing. What lies in it is the node's affair.

    For state that must outlive an interrupted run (checkpoints) or that any run may use (caches).
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        self._path.mkdir(parents=True, exist_ok=True)
        return self._path

    def save(self, data: NoReturn) -> None:
        raise DatasetError(f"{self._path} is a folder: nodes write into it, the catalog does not.")

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}

    def _exists(self) -> bool:
        return True
