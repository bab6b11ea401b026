"""Sample sets in the catalog: one `.npz` a set, as any other tool can write and read."""

from __future__ import annotations

import io
from pathlib import PurePosixPath
from typing import Any

import fsspec
import numpy as np
from kedro.io.core import AbstractVersionedDataset, Version, get_filepath_str, get_protocol_and_path

from gencompare.imagesets.arrays import Images


class ImageArrayDataset(AbstractVersionedDataset[Images, Images]):
    """`Images` in a compressed `.npz`: `images` uint8 (N, H, W, C), and `labels` int64 (N,) where known.

    Nothing is ever unpickled: a file that holds Python objects is refused.
    """

    def __init__(
        self, *, filepath: str, version: Version | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        protocol, path = get_protocol_and_path(filepath, version)
        self._protocol = protocol
        self._fs = fsspec.filesystem(protocol, **({"auto_mkdir": True} if protocol == "file" else {}))
        self.metadata = metadata
        super().__init__(PurePosixPath(path), version, self._fs.exists, self._fs.glob)

    def load(self) -> Images:
        path = get_filepath_str(self._get_load_path(), self._protocol)
        with self._fs.open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            return Images(arrays["images"], arrays["labels"] if "labels" in arrays else None)

    def save(self, data: Images) -> None:
        path = get_filepath_str(self._get_save_path(), self._protocol)
        arrays = {"images": data.images} | ({} if data.labels is None else {"labels": data.labels})
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
        with self._fs.open(path, "wb") as file:
            file.write(buffer.getvalue())

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "version": self._version}
