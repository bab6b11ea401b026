"""What every image set is: settings that can be checked, fingerprinted and prepared."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import cache
from typing import Annotated, Any, ClassVar

import pydantic

from gencompare.imagesets.arrays import Images
from gencompare.source_code import code_hash, defined_in

Resolution = Annotated[int, pydantic.Field(ge=8, le=1024)]
LONGEST_NAME = 120
"""Of a folder, in characters."""
LIBRARIES = ("numpy", "pillow", "albumentations", "opencv-python-headless")


@dataclasses.dataclass(frozen=True)
class Preparation:
    """An image set about to be written. Nothing is read or made before its chunks are asked for.

    Attributes:
        fingerprint: changes whenever the prepared bytes might.
        card: what is known beforehand: name, folder, settings, resolution, channels, classes, source,
            licence.
        train: gives the train split as chunks of `Images`, in order, in constant memory.
        heldout: the same for the held-out split.
        found: once both splits were read, what only reading could tell, such as unreadable files; else nothing.
    """

    fingerprint: str
    card: dict[str, Any]
    train: Callable[[], Iterator[Images]]
    heldout: Callable[[], Iterator[Images]]
    found: Callable[[], dict[str, Any]] = dict


class ImageSet(ABC):
    """A named source of real images with a train and a held-out split.

    Subclasses are decorated with `typed.settings`; their fields are the user's settings.

    Attributes:
        name: how users ask for it.
        locations: names of the settings that say where the source lies. They do not change the images,
            so they count neither for the folder's name nor for the fingerprint.
        may_have_labels: whether images prepared from it can have any.
        resolution: side of the prepared square images, in pixels.
    """

    name: ClassVar[str]
    may_have_labels: ClassVar[bool] = True
    locations: ClassVar[tuple[str, ...]] = ()
    resolution: Resolution

    @abstractmethod
    def check(self) -> None:
        """Look, cheaply, whether the set can be prepared. Raises SettingError in one line where it cannot."""

    @abstractmethod
    def prepare(self) -> Preparation:
        """Describe the prepared set; its images are made only when the chunks are read."""

    def source_state(self) -> str:
        """What the fingerprint must notice of the source: file names, sizes and times of change."""
        return ""

    def content_settings(self) -> dict[str, Any]:
        """The settings that change the images, by name; nested ones are mappings."""
        values = dataclasses.asdict(self)  # type: ignore[call-overload]
        return {name: value for name, value in values.items() if name not in self.locations}

    def folder_name(self) -> str:
        """Name the folder of the prepared images: the set's name, then every setting that is not its default."""
        pairs = zip(_leaves(self.content_settings()), _leaves(type(self)().content_settings()), strict=True)
        changed = [_short(*own) for own, default in pairs if own != default]
        return _file_name("-".join([self.name, *changed]))

    def fingerprint(self) -> str:
        """Hash what the prepared bytes depend on: settings, state of the source, this code, its libraries."""
        code = code_hash(defined_in(type(self)) | {"gencompare.imagesets.storage"})
        parts = [self.name, self.content_settings(), self.source_state(), code, library_versions()]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def describe(self, *, channels: int, classes: list[str], source: str, licence: str) -> dict[str, Any]:
        """Begin the card: what is known of every image set before its images are made."""
        return {
            "name": self.name,
            "folder": self.folder_name(),
            "settings": self.content_settings(),
            "resolution": self.resolution,
            "channels": channels,
            "classes": classes,
            "source": source,
            "licence": licence,
            "libraries": library_versions(),
        }


@cache
def library_versions() -> dict[str, str]:
    """The versions of the libraries whose arithmetic decides the prepared bytes."""
    return {name: importlib.metadata.version(name) for name in LIBRARIES}


def _leaves(values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value)
        else:
            yield name, value


def _short(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return name if value else f"no_{name}"
    if isinstance(value, (list, tuple)):
        return name + "-".join(f"{v:g}" if isinstance(v, float) else str(v) for v in value)
    return f"{name}{value:g}" if isinstance(value, float) else f"{name}{value}"


def _file_name(text: str) -> str:
    safe = re.sub(r"[^\w.+-]", "_", text, flags=re.ASCII)
    if safe == text and len(safe) <= LONGEST_NAME:
        return safe
    return f"{safe[: LONGEST_NAME - 7]}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"
