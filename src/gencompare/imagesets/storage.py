"""Prepared images on disk: written in one pass in constant memory, read as memory maps.

A folder holds, for each of `train` and `heldout`: `<split>.npy`, the images, uint8 (N, H, W, C);
`<split>.npz`, `labels` int64 (N,) where there are any and every factor under its name; and `<split>.csv`,
where images come from files: one row an image with its source and how it was made. Beside them
`contact_sheet.png` and `card.json`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from gencompare.array_files import map_array, read_arrays
from gencompare.config.typed import SettingError
from gencompare.files import BROKEN, read_json
from gencompare.imagesets.arrays import Images, ImageSplits
from gencompare.imagesets.base import Preparation
from gencompare.imagesets.card import Tally, caption, contact_sheet

if TYPE_CHECKING:
    import pandas as pd

CARD, SHEET = "card.json", "contact_sheet.png"
SPLITS = ("train", "heldout")
FILES = (*(f"{split}.npy" for split in SPLITS), *(f"{split}.npz" for split in SPLITS), SHEET, CARD)
TABLES = tuple(f"{split}.csv" for split in SPLITS)
ADDED = {"counts", "sha256", "splits", "fingerprint"}
"""What writing adds to the card that a preparation begins."""


def write(preparation: Preparation, folder: Path) -> dict[str, Any]:
    """Write a prepared image set into an empty folder, the card last, and return the card.

    Raises:
        SettingError: if a split comes out empty, or more files were unreadable than the user allows.
    """
    classes = preparation.card["classes"]
    summaries, tallies = {}, []
    for split, chunks in zip(SPLITS, (preparation.train, preparation.heldout), strict=True):
        tally = _write_split(chunks(), folder, split, classes)
        if tally.count == 0:
            copies = preparation.found().get("duplicates", {}).get("count", 0)
            why = f"; {copies} files are copies of others, which are left out" if copies else ""
            raise SettingError(
                f"image_set.name={preparation.card['name']}: no image is left for the {split} split{why}"
            )
        summaries[split] = tally.summary(classes)
        tallies.append(tally)
    found = preparation.found()  # raises where too much was unreadable
    card = {
        **preparation.card,
        "counts": {split: summary.pop("count") for split, summary in summaries.items()},
        "sha256": {split: summary.pop("sha256") for split, summary in summaries.items()},
        "splits": summaries,
        "heldout_in_train": tallies[1].found_in(tallies[0]),
        **found,
        "fingerprint": preparation.fingerprint,
    }
    contact_sheet(read_split(folder, "train"), caption(card)).save(folder / SHEET)
    (folder / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    return card


def is_complete(folder: Path) -> bool:
    """Whether a folder holds a whole prepared image set, no file of it cut short or otherwise unreadable."""
    if not all((folder / name).is_file() for name in FILES):
        return False
    try:
        for split in SPLITS:
            read_split(folder, split)
        return read_card(folder).keys() >= ADDED
    except BROKEN:
        return False


def read_card(folder: Path) -> dict[str, Any]:
    """Read the card of a prepared image set.

    Raises:
        ValueError: if it holds no JSON object.
    """
    return read_json(folder / CARD)


def read(folder: Path, fingerprint: str | None = None) -> ImageSplits:
    """Read a prepared image set; the images stay on disk and are mapped into memory, read-only.

    Args:
        folder: where it lies.
        fingerprint: that it must have, where that is known.

    Raises:
        SettingError: if another run has prepared it anew meanwhile.
    """
    splits = ImageSplits(read_split(folder, "train"), read_split(folder, "heldout"), read_card(folder))
    check_unchanged(folder, fingerprint or splits.card["fingerprint"])
    return splits


def check_unchanged(folder: Path, fingerprint: str) -> None:
    """Check, after the images were mapped, that they are those of a card that was read before.

    Raises:
        SettingError: if they were prepared anew meanwhile, or are just being: the card goes first and comes last.
    """
    if not (folder / CARD).is_file() or read_card(folder)["fingerprint"] != fingerprint:
        raise SettingError(
            f"{folder.name}: another run has prepared these images anew meanwhile; give the same command again"
        )


def read_split(folder: Path, split: str) -> Images:
    """Read one split, its images mapped into memory, read-only."""
    facts = read_arrays(folder / f"{split}.npz")
    labels = facts.pop("labels", None)
    return Images(map_array(folder / f"{split}.npy"), labels, facts)


def _write_split(chunks: Iterator[Images], folder: Path, split: str, classes: list[str]) -> Tally:
    tally, parts = Tally(), defaultdict[str, list[np.ndarray]](list)
    with (folder / f"{split}.npy").open("wb") as file:
        shape: tuple[int, ...] = ()
        for chunk in chunks:
            if tally.count == 0:
                shape = chunk.images.shape[1:]
                _write_header(file, (0, *shape))
            file.write(np.ascontiguousarray(chunk.images).data)
            tally.add(chunk)
            labels = {} if chunk.labels is None else {"labels": chunk.labels}
            for name, values in {**labels, **chunk.factors}.items():
                parts[name].append(values)
        file.seek(0)
        _write_header(file, (tally.count, *shape))
    columns = {name: np.concatenate(values) for name, values in parts.items()}
    np.savez_compressed(folder / f"{split}.npz", **columns)  # type: ignore[arg-type]
    if "source" in columns:
        _table(columns, classes).to_csv(folder / f"{split}.csv", index_label="index")
    return tally


def _write_header(file: BinaryIO, shape: tuple[int, ...]) -> None:
    """Write a .npy header. numpy leaves room in it for the first axis to grow, so it can be written again."""
    fields = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, fields)


def _table(columns: dict[str, np.ndarray], classes: list[str]) -> pd.DataFrame:
    import pandas as pd

    table = {name: values for name, values in columns.items() if values.ndim == 1}
    if classes and "labels" in table:
        table["class"] = np.array(classes)[table["labels"]]
    return pd.DataFrame(table)
