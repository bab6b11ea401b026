"""Pictures in the catalog: PNG files that kedro-viz shows."""

from __future__ import annotations

import base64
import io
from pathlib import PurePosixPath
from typing import Any

import fsspec
from kedro.io.core import (
    AbstractVersionedDataset,
    DatasetError,
    Version,
    get_filepath_str,
    get_protocol_and_path,
)
from kedro_datasets._typing import ImagePreview
from PIL import Image


class ImageGridDataset(AbstractVersionedDataset[Image.Image, Image.Image]):
    """A PIL picture in a PNG file, versioned where the catalog says so."""

    def __init__(
        self, *, filepath: str, version: Version | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        protocol, path = get_protocol_and_path(filepath, version)
        self._protocol = protocol
        self._fs = fsspec.filesystem(protocol, **({"auto_mkdir": True} if protocol == "file" else {}))
        self.metadata = metadata
        super().__init__(PurePosixPath(path), version, self._fs.exists, self._fs.glob)

    def load(self) -> Image.Image:
        picture = Image.open(io.BytesIO(self._read()))
        picture.load()
        return picture

    def save(self, data: Image.Image) -> None:
        buffer = io.BytesIO()
        data.save(buffer, format="PNG")
        with self._fs.open(get_filepath_str(self._get_save_path(), self._protocol), "wb") as file:
            file.write(buffer.getvalue())

    def preview(self) -> ImagePreview:
        """Return the file as base64. kedro-viz shows a picture because of the return annotation's name."""
        return ImagePreview(base64.b64encode(self._read()).decode())

    def _read(self) -> bytes:
        with self._fs.open(get_filepath_str(self._get_load_path(), self._protocol), "rb") as file:
            return file.read()

    def _exists(self) -> bool:
        try:
            return bool(self._fs.exists(get_filepath_str(self._get_load_path(), self._protocol)))
        except DatasetError:  # no version yet
            return False

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "version": self._version}
