"""The node that writes pages of results."""

from __future__ import annotations

import logging
from pathlib import Path

from gencompare.files import read_json, read_sound, write_whole
from gencompare.reporting.publication import index, read_result, write_page
from gencompare.reporting.versions import is_of, nothing_yet

logger = logging.getLogger(__name__)


def publish(
    reports: Path, models: Path, outputs: Path, pages: Path, comparison: str | None, dataset: str | None
) -> list[str]:
    """Write a page of the newest run of one comparison, or of every one that has run, and the index of all pages there."""
    written = []
    for folder in sorted(reports.glob(f"{comparison or '*'}/")):
        for images in sorted(path for path in folder.iterdir() if path.is_dir() and is_of(path, dataset)):
            result = read_result(reports, models, outputs, folder.name, images.name)
            if result is not None:
                written.append(str(write_page(result, pages, images / "pictures")))
    if not written:
        raise nothing_yet(reports, comparison, dataset)
    facts = [read_sound(file, read_json) for file in sorted(pages.glob("*/result.json"))]
    text = index(one for one in facts if one is not None)
    write_whole(pages / "index.md", lambda file: file.write(text.encode()))
    for page in [*written, str(pages / "index.md")]:
        logger.info("Page: %s", page)
    return written
