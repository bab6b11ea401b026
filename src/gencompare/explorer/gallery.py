"""Every trained contender of a project, made ready when it is first looked at."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from gencompare.array_files import read_arrays
from gencompare.config.contender import read_contender
from gencompare.config.typed import SettingError, choose
from gencompare.evaluation.kinds import KINDS
from gencompare.evaluation.memorisation import neighbours
from gencompare.imagesets import storage
from gencompare.imagesets.arrays import Images, ImageSplits
from gencompare.reporting.palette import looks
from gencompare.sampling import images as sampling
from gencompare.sampling.saved import Saved, Trained, read, saved
from gencompare.sampling.settings import Consistency, Diffusion

logger = logging.getLogger(__name__)

MOST = 64
"""Images of one request."""
FRAMES = 25
QUIET = {"name": "ddim", "eta": 0.0}


@dataclass(frozen=True)
class Wish:
    """What of a contender is to be seen.

    Attributes:
        seed: of its noise.
        label: number of a class, for contenders that take labels; None for those of the scored samples.
        steps, guidance: of a diffusion model's sampler, in place of its own.
    """

    seed: int = 0
    label: int | None = None
    steps: int | None = None
    guidance: float | None = None


class Gallery:
    """The newest version of every training that lies in a project.

    Args:
        data: the project's folder of artifacts.

    Attributes:
        trained: what there is, by `<comparison>/<image set>/<training>`.
    """

    def __init__(self, data: Path) -> None:
        self.data, self.trained, self._left_out = data, dict[str, Saved](), set[str]()
        self._turn = Lock()  # one at a time has all cores
        self._ready = lru_cache(16)(self._read)
        self._prepared = lru_cache(4)(self._read_images)
        self.look()

    def look(self) -> None:
        """See what there is by now."""
        models = self.data / "06_models"
        found = {one.folder.relative_to(models).as_posix(): one for one in saved(models)}
        for name in (
            name for name, one in found.items() if one.version is None and name not in self._left_out
        ):
            logger.warning(
                "%s is left out: it was saved by another version, whose settings or files are others", name
            )
            self._left_out.add(name)
        self.trained = {name: one for name, one in found.items() if one.version is not None}

    def describe(self) -> list[dict[str, Any]]:
        """Say what there is, JSON-ready: which controls each has, and its first score."""
        colours = looks(sorted({one.settings["contender"] for one in self.trained.values()}))
        return [
            _describe(name, one, colours[one.settings["contender"]].colour) | self._score(one)
            for name, one in self.trained.items()
        ]

    def images(self, name: str, wish: Wish, n: int) -> np.ndarray:
        """Make the first images of a seed: uint8 (n, H, W, C), the same as `kedro run --pipeline=sample` makes."""
        with self._turn:
            trained = self._trained(name, wish)
            return trained.sample(n, _labels(trained, wish, n), wish.seed)

    def walk(self, name: str, wish: Wish) -> np.ndarray:
        """Go from the first to the second image of a seed: uint8 (FRAMES, H, W, C).

        Diffusion models whose samplers draw noise on the way walk by deterministic DDIM: the noise drawn on the way
        would be the same for all images, and they hardly differ.
        """
        with self._turn:
            noisy = _is_noisy(self._saved(name).settings["sampler"])
            trained = self._trained(name, wish, QUIET if noisy else {})
            labels = _labels(trained, wish, 1)
            return sampling.interpolate(trained.sampler, 1, FRAMES, wish.seed, labels=labels)[0]

    def film(self, name: str, wish: Wish, n: int) -> np.ndarray:
        """How the first images of a seed come about: uint8 (n, FRAMES, H, W, C)."""
        with self._turn:
            trained = self._trained(name, wish)
            labels = _labels(trained, wish, n)
            return sampling.trajectory(trained.sampler, n, FRAMES, wish.seed, labels=labels)

    def nearest(self, name: str, wish: Wish, index: int) -> np.ndarray:
        """Find the training images nearest to one image of a seed: uint8 (3, H, W, C)."""
        image = self.images(name, wish, index + 1)[-1:]
        train = self.real(name).train
        with self._turn:
            found = neighbours(image, train)
        return np.asarray(train.images[found.nearest[0]])

    def real(self, name: str) -> ImageSplits:
        """Return the images that a contender learnt from.

        Raises:
            SettingError: if they are gone.
        """
        return self._prepared(self._saved(name).image_set)

    def scored(self, name: str) -> Images:
        """Return the samples of a contender that were scored.

        Raises:
            SettingError: if they are gone.
        """
        file = self._newest(self._saved(name), "samples.npz")
        if file is None:
            raise SettingError(f"{name}: its scored samples are gone; run the comparison again")
        return Images(read_arrays(file)["images"])

    def _saved(self, name: str) -> Saved:
        return choose(self.trained, name, "contender")

    def _trained(self, name: str, wish: Wish, sampler: Mapping[str, Any] | None = None) -> Trained:
        given = {"steps": wish.steps, "guidance_scale": wish.guidance} | dict(sampler or {})
        kept = tuple((key, value) for key, value in given.items() if value is not None)
        return self._ready(self._saved(name), kept)

    def _read(self, one: Saved, sampler: tuple[tuple[str, Any], ...]) -> Trained:
        return read(one.find, dict(sampler))

    def _read_images(self, image_set: str) -> ImageSplits:
        folder = self.data / "05_model_input" / image_set
        if not storage.is_complete(folder):
            raise SettingError(f"{image_set}: its prepared images are gone; run the comparison again")
        return storage.read(folder)

    def _newest(self, one: Saved, name: str) -> Path | None:
        parts = (one.comparison, one.image_set, one.folder.name)
        found = self.data.joinpath("07_model_output", *parts).glob(f"{name}/*/{name}")
        return max(found, default=None)

    def _score(self, one: Saved) -> dict[str, Any]:
        file = self._newest(one, "scores.json")
        if file is None:
            return {"score": None}
        name, score = next(iter(json.loads(file.read_text())["scores"].items()))
        facts = {key: score[key] for key in ("value", "low", "high", "better")}
        return {"score": {"name": name, "meaning": KINDS[score["kind"]].meaning} | facts}


def _describe(name: str, one: Saved, colour: str) -> dict[str, Any]:
    settings = one.settings
    chosen = read_contender(settings)
    shape = json.loads(one.find("shape.json").read_text())
    conditional = bool(settings["model"].get("conditional"))
    steps = isinstance(chosen.sampler, Diffusion) and not isinstance(chosen.sampler, Consistency)
    return {
        "id": name,
        "comparison": one.comparison,
        "image_set": one.image_set,
        "contender": settings["contender"],
        "seed": settings["seed"],
        "family": settings["model"]["name"],
        "sampler": settings["sampler"]["name"],
        "walks_by": "ddim without noise" if _is_noisy(settings["sampler"]) else settings["sampler"]["name"],
        "version": one.version,
        "colour": colour,
        "resolution": shape["resolution"],
        "classes": shape["classes"] if conditional else [],
        "steps": chosen.sampler.steps if steps else None,
        "guidance": chosen.sampler.guidance_scale if steps and conditional else None,
    }


def _is_noisy(sampler: Mapping[str, Any]) -> bool:
    return sampler["name"] == "ddpm" or sampler.get("eta", 0.0) > 0


def _labels(trained: Trained, wish: Wish, n: int) -> np.ndarray | None:
    return trained.labels(wish.label, n) if trained.sampler.classes else None


def wish_of(values: Mapping[str, str], entry: Mapping[str, Any]) -> Wish:
    """Read a wish from text, leaving out what a contender does not have.

    Raises:
        SettingError: for a value that is no number, or none that is allowed.
    """

    def number(key: str, kind: type, low: float, high: float) -> Any:
        text = values.get(key, "")
        if text == "":
            return None
        try:
            value = kind(text)
        except ValueError:
            raise SettingError(f"{key}={text!r}: must be a number") from None
        if not low <= value <= high:
            raise SettingError(f"{key}={text}: must be from {low} to {high}")
        return value

    return Wish(
        seed=number("seed", int, 0, 2**32 - 1) or 0,
        label=number("label", int, 0, len(entry["classes"]) - 1) if entry["classes"] else None,
        steps=number("steps", int, 1, 1000) if entry["steps"] else None,
        guidance=number("guidance", float, 0, 20) if entry["guidance"] is not None else None,
    )
