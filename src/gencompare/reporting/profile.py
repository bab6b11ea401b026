"""What a reader must know of the image set before believing what was learnt from it: as sentences and as a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gencompare.imagesets.arrays import ImageSplits
from gencompare.imagesets.card import contact_sheet
from gencompare.imagesets.files import CROPPED
from gencompare.imagesets.reading import DEEP, DEEP_COLOUR, GREY
from gencompare.reporting import page
from gencompare.reporting.formatting import count, listed, percent

FEW = 1000
"""Fewer different training images than this are few."""
RARE = 50
"""A class of fewer training images than this is rare."""
DARK = 128
"""Where no level reaches this one, 16-bit files may hold fewer bits."""


def alerts(card: Mapping[str, Any]) -> list[str]:
    """Say what is remarkable about an image set, a sentence each.

    Args:
        card: of the prepared images; `files`, `unreadable`, `duplicates` and `converted` where they were files;
            `splits` where they have classes.
    """
    found = []
    files, counts = card.get("files"), card.get("counts", {})
    train = counts.get("train")
    if files is not None and train is not None and files < train:
        found.append(
            f"{count(train)} training images were made of {count(files)} files: they are no independent ones."
        )
    own = card.get("name") == "folder"  # of whose settings advice can be given
    different = min(train or 0, files or train or 0)
    if 0 < different < FEW:
        made_for = ", and a GAN may not learn at all; dcgan_augmented is made for so few" if own else ""
        found.append(f"Only {count(different)} different images: a model can learn them by heart{made_for}.")
    found += _of_classes(card)
    for what, key in (
        ("could not be read", "unreadable"),
        ("were copies of others and were left out", "duplicates"),
    ):
        number = card.get(key, {}).get("count", 0)
        if number and files:
            found.append(f"{count(number)} of {count(files)} files ({percent(number / files)}) {what}.")
    if copies := card.get("heldout_in_train", 0):
        found.append(
            f"{count(copies)} of {count(counts['heldout'])} held-out images ({percent(copies / counts['heldout'])}) are, "
            f"pixel by pixel, among the training images{': put all copies into one part' if own else ''}."
        )
    converted = dict(card.get("converted", {}))
    read = (files or 0) - sum(card.get(key, {}).get("count", 0) for key in ("unreadable", "duplicates"))
    pad = "; image_sets.folder.fit=pad keeps all of them" if own else ""
    for what, key in (
        ("are grey, which alone tells them from the others", GREY),
        ("are smaller than they are asked for, and were enlarged: they are blurred", "enlarged"),
        (f"lost more than a third to cropping{pad}", CROPPED),
    ):
        number = converted.pop(key, 0)
        if key == GREY and number >= read:
            found += (
                ["All images are grey: image_sets.folder.grey=true suits them."] if number and own else []
            )
        elif number:
            found.append(f"{count(number)} of {count(read)} images ({percent(number / read)}) {what}.")
    brightest = max((split.get("greatest", 255) for split in card.get("splits", {}).values()), default=255)
    if brightest < DARK and (deep := sum(converted.get(note, 0) for note in (DEEP, DEEP_COLOUR))):
        white = "; where they hold fewer bits, such as 12, give image_sets.folder.white=4095"
        found.append(
            f"{count(deep)} images are of 16 bits, and no image is brighter than {brightest} of 255"
            f"{white if own and DEEP in converted else ''}."
        )
    changed = [f"{note} {count(number)}" for note, number in converted.items()]
    if changed:
        found.append(f"Changed while reading: {listed(changed)} images.")
    return found


def _of_classes(card: Mapping[str, Any]) -> list[str]:
    """Say which classes have no images, and how many have few."""
    found = []
    splits = card.get("splits", {})
    for split, what in (("train", "to train on"), ("heldout", "held out")):
        images = splits.get(split, {}).get("per_class", {})
        absent = [name for name, number in images.items() if not number]
        if absent:
            found.append(f"No image {what} of {listed(absent)}.")
    images = splits.get("train", {}).get("per_class", {})
    rare = {name: number for name, number in images.items() if 0 < number < RARE}
    if rare:
        found.append(
            f"{count(len(rare))} of {count(len(images))} classes have fewer than {RARE} training images, "
            f"{min(rare, key=rare.__getitem__)} {min(rare.values())}: contenders with labels may not learn them, and "
            "scores over all classes hardly show it."
        )
    return found


def render_profile(prepared: ImageSplits) -> str:
    """Return a page about prepared images, one file that needs no network."""
    card = dict(prepared.card)
    left_out = {
        "Files that cannot be read": card.get("unreadable", {}).get("reasons", {}),
        "Copies": {
            name: f"the same as {other}"
            for name, other in card.get("duplicates", {}).get("same_as", {}).items()
        },
        "No files": card.get("left_out", {}),
    }
    known = {
        key: value
        for key, value in card.items()
        if key not in {"unreadable", "duplicates", "left_out", "splits"}
    }
    return page.template("profile.html").render(
        card=card,
        alerts=alerts(card),
        sheets={
            "train": page.picture(contact_sheet(prepared.train), "Images to train on"),
            "heldout": page.picture(contact_sheet(prepared.heldout), "Held-out images"),
        },
        left_out=[(what, files) for what, files in left_out.items() if files],
        facts=page.facts(known),
        css=page.asset("report.css"),
    )
