"""Sample sets in the catalog: one `.npz` a set, as any other tool can write and read."""

from __future__ import annotations

import io

import numpy as np

from gencompare.array_files import read_arrays
from gencompare.catalog.versioned_file import VersionedFile
from gencompare.imagesets.arrays import Images


class ImageArrayDataset(VersionedFile[Images, Images]):
    """`Images` in a compressed `.npz`: `images` uint8 (N, H, W, C), and `labels` int64 (N,) where known.

    Nothing is ever unpickled: a file that holds Python objects is refused.
    """

    def load(self) -> Images:
        arrays = read_arrays(io.BytesIO(self._read()))
        return Images(arrays["images"], arrays.get("labels"))

    def save(self, data: Images) -> None:
        arrays = {"images": data.images} | ({} if data.labels is None else {"labels": data.labels})
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
        self._write(buffer.getvalue())
