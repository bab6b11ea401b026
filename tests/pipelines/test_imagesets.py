"""Preparing images."""

from __future__ import annotations

import pytest

from gencompare.catalog.whole import WholeCatalog
from gencompare.pipelines.imagesets.nodes import prepare_images
from gencompare.training import progress

ENTRY = {"type": "gencompare.catalog.prepared_images.PreparedImagesDataset"}
SQUARES = {"name": "squares", "resolution": 16, "count": 640}


def test_a_stop_ends_preparing_in_one_line_and_leaves_nothing_in_part(tmp_path):
    catalog = WholeCatalog.from_config({"prepared": ENTRY | {"filepath": f"{tmp_path}/prepared"}})
    preparation = prepare_images(SQUARES)
    progress.stopping.set()
    try:
        with pytest.raises(progress.Stopped, match="the same command goes on"):
            catalog.save("prepared", preparation)
    finally:
        progress.stopping.clear()
    assert not catalog.exists("prepared")
    assert [path.name for path in (tmp_path / "prepared").iterdir()] == [".lock"]
    catalog.save("prepared", preparation)
    assert len(catalog.load("prepared").train.images) > 0
