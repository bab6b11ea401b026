"""The Kedro dataset of prepared image sets."""

from __future__ import annotations

import base64
import logging
import shutil
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError
from kedro_datasets._typing import ImagePreview

from gencompare.alone import alone
from gencompare.config.typed import SettingError
from gencompare.imagesets import storage
from gencompare.imagesets.arrays import ImageSplits
from gencompare.imagesets.base import Preparation

logger = logging.getLogger(__name__)


class Unprepared(SettingError, DatasetError):
    """Images that cannot be prepared, or were anew. Being a DatasetError, it passes through the catalog as the one line it is."""


class PreparedImagesDataset(AbstractDataset[Preparation, ImageSplits]):
    """A folder with the prepared images of one image set, laid out as `imagesets.storage` says.

    It is versioned by content, not by run: the card carries the fingerprint of settings, source and code, and
    saving a preparation whose fingerprint is there already does nothing. 80,000 images anew for each run
    would soon fill a disk. The card is put in place last, and taken away first when the content changes, so
    a folder without a card is incomplete and counts as absent. Of two runs at once, the second waits. What is loaded
    once is loaded always: a run whose images another one has prepared anew meanwhile ends in a line.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Name the folder: `filepath`, such as data/05_model_input/squares."""
        self._folder = Path(filepath)
        self._fingerprint: str | None = None
        self.metadata = metadata

    def _save(self, data: Preparation) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._fingerprint = data.fingerprint
        with alone(self._folder / ".lock", f"{self._folder.name}: another run is preparing it; waiting"):
            if self._is_current(data.fingerprint):
                logger.info("%s: prepared already, %s", self._folder.name, self._counts())
                return
            try:
                self._prepare(data)
            except SettingError as error:
                raise Unprepared(str(error)) from error
            logger.info("%s: prepared %s", self._folder.name, self._counts())

    def _prepare(self, data: Preparation) -> None:
        new = self._folder / ".partial"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        try:
            storage.write(data, new)
            (self._folder / storage.CARD).unlink(missing_ok=True)
            for name in storage.TABLES:
                (self._folder / name).unlink(missing_ok=True)
            for path in sorted(new.iterdir(), key=lambda path: path.name == storage.CARD):
                path.replace(self._folder / path.name)
        finally:
            shutil.rmtree(new)

    def _load(self) -> ImageSplits:
        if not self._exists():
            raise DatasetError(f"{self._folder}: no prepared images; run the pipeline that prepares them")
        try:
            splits = storage.read(self._folder, self._fingerprint)
        except SettingError as error:
            raise Unprepared(str(error)) from error
        self._fingerprint = splits.card["fingerprint"]
        return splits

    def _exists(self) -> bool:
        return storage.is_complete(self._folder)

    def _is_current(self, fingerprint: str) -> bool:
        return self._exists() and storage.read_card(self._folder)["fingerprint"] == fingerprint

    def _counts(self) -> str:
        counts = storage.read_card(self._folder)["counts"]
        return f"{counts['train']:,} images to train on and {counts['heldout']:,} held out"

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._folder)}

    def preview(self) -> ImagePreview:
        """The contact sheet, for kedro-viz."""
        picture = (self._folder / storage.SHEET).read_bytes()
        return ImagePreview(base64.b64encode(picture).decode())
