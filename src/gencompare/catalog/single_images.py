"""Single images in the catalog: a folder of PNG files of one run."""

from __future__ import annotations

from typing import Any

from kedro_datasets.partitions import PartitionedDataset


class SingleImagesDataset(PartitionedDataset):
    """Images by name; new ones take the place of all that were there, none leave them alone."""

    def __init__(self, *, path: str, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(
            path=path,
            dataset="gencompare.catalog.image_grid.ImageGridDataset",
            filename_suffix=".png",
            overwrite=True,
            metadata=metadata,
        )

    def save(self, data: dict[str, Any]) -> None:
        if data:
            super().save(data)
