"""Pictures in the catalog: PNG files that kedro-viz shows."""

from __future__ import annotations

import base64
import io

from kedro_datasets._typing import ImagePreview
from PIL import Image

from gencompare.catalog.versioned_file import VersionedFile


class ImageGridDataset(VersionedFile[Image.Image, Image.Image]):
    """A PIL picture in a PNG file."""

    def load(self) -> Image.Image:
        picture = Image.open(io.BytesIO(self._read()))
        picture.load()
        return picture

    def save(self, data: Image.Image) -> None:
        buffer = io.BytesIO()
        data.save(buffer, format="PNG")
        self._write(buffer.getvalue())

    def preview(self) -> ImagePreview:
        """Return the file as base64. kedro-viz shows a picture because of the return annotation's name."""
        return ImagePreview(base64.b64encode(self._read()).decode())
