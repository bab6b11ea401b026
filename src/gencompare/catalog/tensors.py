"""Weights in the catalog."""

from __future__ import annotations

from safetensors.torch import load, save
from torch import Tensor

from gencompare.catalog.versioned_file import VersionedFile


class TensorsDataset(VersionedFile[dict[str, Tensor], dict[str, Tensor]]):
    """Named tensors in a safetensors file.

    Unlike kedro-datasets' own it writes the file itself: the error of a full disk is then one that says so.
    """

    def load(self) -> dict[str, Tensor]:
        return load(self._read())

    def save(self, data: dict[str, Tensor]) -> None:
        self._write(save(data))
