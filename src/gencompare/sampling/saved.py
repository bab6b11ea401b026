"""Trained contenders found again on disk and made ready: no training image is needed for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from safetensors.torch import load_file

from gencompare.config.contender import read_contender
from gencompare.config.typed import SettingError, nearest
from gencompare.files import read_json, read_sound
from gencompare.imagesets.arrays import Images, ImageSplits
from gencompare.models.parts.shape import ImageShape
from gencompare.sampling import images as sampling
from gencompare.sampling.base import Sampler, load
from gencompare.training.device import pick_device

WEIGHTS, BEST, FITTED = "weights.safetensors", "best_weights.safetensors", "fitted.safetensors"
SETTINGS, SHAPE = "settings.json", "shape.json"
FILES = (WEIGHTS, BEST, FITTED, SETTINGS, SHAPE)

Find = Callable[[str], Path]
"""From the name of one of FILES to where it lies."""


def describe(prepared: ImageSplits) -> dict[str, Any]:
    """Say what a contender makes images of, JSON-ready.

    Returns:
        `image_set` (name of its folder), `channels`, `resolution`, `classes` (names), and `labels`: those that scored
        samples have, over and over.
    """
    card, labels = prepared.card, labels_like(prepared.heldout, len(prepared.heldout))
    facts = {key: card[key] for key in ("channels", "resolution", "classes")}
    return {"image_set": card["folder"], **facts, "labels": [] if labels is None else labels.tolist()}


def labels_like(images: Images, n: int) -> np.ndarray | None:
    """Return n labels for samples, int64: those of real images, shuffled always the same way, and repeated for more.

    In their own order, which is often that of the classes, the first n would be of a few classes alone.
    """
    if images.labels is None:
        return None
    return np.resize(np.random.default_rng(0).permutation(images.labels), n)


@dataclass(frozen=True)
class Trained:
    """A trained contender, ready to make images.

    Attributes:
        sampler: with the weights that its settings choose.
        settings: complete.
        shape: as `describe` returns it.
    """

    sampler: Sampler
    settings: Mapping[str, Any]
    shape: Mapping[str, Any]

    def sample(self, n: int, labels: np.ndarray | None, seed: int) -> np.ndarray:
        """Make images of a seed, the same as were scored where seed and labels are theirs: uint8 (n, H, W, C).

        Args:
            labels: int64 (n,), from `labels`; None where the contender takes none.
        """
        return sampling.sample(self.sampler, n, labels, seed)

    def check_room(self, n: int) -> None:
        """Refuse more images than there is memory for: they are there twice while they are put together.

        Raises:
            SettingError: with how many there is room for.
        """
        numbers = self.shape["channels"] * self.shape["resolution"] ** 2
        most = psutil.virtual_memory().available // (2 * numbers)
        if n > most:
            raise SettingError(
                f"n={n}: the memory that is left takes {most}; make the others of another seed"
            )

    def labels(
        self, asked: str | int | Sequence[int] | None, n: int, *, typed: bool = False
    ) -> np.ndarray | None:
        """Read numbers or names of classes as labels that take turns: int64 (n,), None where the contender takes none.

        Args:
            asked: numbers; or text, names or numbers joined by +. A name goes before a number: a class may be called 1.
                Upper and lower case count where names differ by it alone. None for those of the scored samples.
            n: how many.
            typed: whether a single number is what became of a text that was typed, and so may be a name: 7 of 07.

        Raises:
            SettingError: where there is no such class, or it is not clear which, or the contender takes no labels.
        """
        if asked is None:
            scored = self.shape["labels"] if self.sampler.classes else []
            return np.resize(np.array(scored, np.int64), n) if scored else None
        if not self.sampler.classes:
            name = self.settings["contender"]
            raise SettingError(f"labels={asked!r}: {name} was trained without labels; leave it out")
        classes = [str(name) for name in self.shape["classes"]]
        if typed and type(asked) is int and (named := _called(asked, classes)):
            return np.full(n, named[0], np.int64)
        parts = asked.split("+") if isinstance(asked, str) else [asked] if isinstance(asked, int) else asked
        if not parts:
            raise SettingError(
                f"labels={asked!r}: must be at least one class; leave it out for those of the scored samples"
            )
        return np.resize(np.array([_class_number(part, classes, asked) for part in parts], np.int64), n)


def _called(number: int, classes: Sequence[str]) -> list[int]:
    """Return the class whose name is a number, however many zeros it begins with; none where there is no such class.

    Raises:
        SettingError: if there are several.
    """
    found = [place for place, name in enumerate(classes) if name.isdecimal() and int(name) == number]
    if len(found) > 1:
        names = [classes[place] for place in found]
        raise SettingError(
            f"labels={number}: may be any of the classes {', '.join(names)}; say which by its name twice, "
            f"labels={names[0]}+{names[0]}"
        )
    return found


def _class_number(part: str | int, classes: Sequence[str], asked: object) -> int:
    if isinstance(part, str):
        name = part.strip()
        alike = [number for number, known in enumerate(classes) if known.lower() == name.lower()]
        if name in classes:
            return classes.index(name)
        if len(alike) == 1:
            return alike[0]
    if str(part).strip() in map(str, range(len(classes))):
        return int(part)
    raise SettingError(
        f"labels={asked!r}: {part!r} is no class (0 to {len(classes) - 1}, or names, joined by +); "
        f"{nearest(str(part).strip(), classes)}"
    )


def read(find: Find, sampler: Mapping[str, Any] | None = None) -> Trained:
    """Read a trained contender from its files.

    Args:
        find: says where FILES lie.
        sampler: settings of its sampler in place of its own, such as {"steps": 10}.

    Raises:
        SettingError: if such a sampler is not to be had.
    """
    settings, shape = (json.loads(find(name).read_text()) for name in (SETTINGS, SHAPE))
    contender = read_contender(settings | {"sampler": settings["sampler"] | dict(sampler or {})})
    ready = load(
        contender.model,
        contender.sampler,
        load_file(find(BEST if contender.training.sample_from == "best" else WEIGHTS)),
        ImageShape.of(shape),
        fitted=load_file(find(FITTED)),
        device=pick_device(contender.training.device),
    )
    return Trained(ready, settings, shape)


@dataclass(frozen=True)
class Saved:
    """The newest version of one training that a comparison has left.

    Attributes:
        comparison: its name.
        image_set: name of the folder of the images it learnt from.
        folder: of its files, each in folders of its versions.
        version: the newest that has all of them, with settings that can be read; None where none has.
        settings: complete, of that version; where there is none, the newest that can be read.
    """

    comparison: str
    image_set: str
    folder: Path
    version: str | None
    settings: Mapping[str, Any] = field(compare=False)

    def find(self, name: str) -> Path:
        """Return where one of its files lies."""
        return self.folder / name / str(self.version) / name

    @property
    def addresses(self) -> list[str]:
        """What it may be called after the comparison's name, the most exact first."""
        contender, seed = self.settings["contender"], self.settings["seed"]
        ways = (f"{contender}.{seed}", contender)
        return [f"{self.image_set}.{way}" for way in ways] + list(ways)


def saved(models: Path) -> Iterator[Saved]:
    """Find every training under a folder laid out as <comparison>/<image set>/<training>/<file>/<version>/<file>."""
    for folder in sorted({path.parents[2] for path in models.glob(f"*/*/*/{SETTINGS}/*/{SETTINGS}")}):
        versions = [{path.parent.name for path in folder.glob(f"{name}/*/{name}")} for name in FILES]
        whole = set.intersection(*versions)
        for version in sorted(
            versions[FILES.index(SETTINGS)], key=lambda one: (one in whole, one), reverse=True
        ):
            settings = read_sound(folder / SETTINGS / version / SETTINGS, read_json)
            if settings is not None:
                chosen = version if version in whole and _is_known(settings) else None
                yield Saved(folder.parents[1].name, folder.parent.name, folder, chosen, settings)
                break


def _is_known(settings: Mapping[str, Any]) -> bool:
    """Whether this version has all settings that another one saved."""
    try:
        read_contender(settings)
    except SettingError:
        return False
    return True


def choose(models: Path, asked: str, dataset: str | None = None) -> Saved:
    """Find the one training that is asked for.

    Args:
        models: the folder of trained contenders.
        asked: `<comparison>.<contender>`; where several are called that, with its image set's folder and its seed:
            `<comparison>.<image set>.<contender>.<seed>`.
        dataset: name of its image set.

    Raises:
        SettingError: in one line that says which there are, if there is none or more than one.
    """
    found = list(saved(models))
    comparison, _, rest = asked.partition(".")
    fitting = [one for one in found if one.comparison == comparison and rest in one.addresses]
    if dataset is not None:
        fitting = [one for one in fitting if one.image_set.split("-")[0] == dataset]
    if not fitting:
        raise SettingError(f"from={asked!r}: {_nothing(found, asked, dataset)}")
    if len(fitting) > 1:
        ways = ", ".join(f"from={comparison}.{_shortest(one, fitting)}" for one in fitting)
        raise SettingError(f"from={asked!r}: there are {len(fitting)} of it; say which: {ways}")
    if fitting[0].version is None:
        raise SettingError(
            f"from={asked!r}: was saved by another version, whose settings or files are others; run "
            f"{comparison} again, which trains nothing anew that is trained"
        )
    return fitting[0]


def answer(models: Path, request: Mapping[str, Any]) -> tuple[Saved, Trained, np.ndarray | None]:
    """Find and read what `sample` is asked for, and its labels.

    Args:
        models: the folder of trained contenders.
        request: `from`, `dataset`, `n` and `labels` among it.

    Raises:
        SettingError: for the first thing that cannot be had.
    """
    chosen = choose(models, request["from"], request["dataset"])
    trained = read(chosen.find)
    trained.check_room(request["n"])
    return chosen, trained, trained.labels(request["labels"], request["n"], typed=True)


def _shortest(one: Saved, others: list[Saved]) -> str:
    """Return the shortest address that no other has."""
    alone = [a for a in one.addresses if sum(a in other.addresses for other in others) == 1]
    return min(alone, key=len)


def _nothing(found: list[Saved], asked: str, dataset: str | None) -> str:
    if not found:
        return "nothing is trained yet; run a comparison first: kedro run --pipeline=gan_compare"
    names = {f"{one.comparison}.{one.settings['contender']}" for one in found}
    if dataset is not None and asked in names:
        sets = sorted({o.image_set for o in found if asked == f"{o.comparison}.{o.settings['contender']}"})
        return f"was not trained on {dataset}, but on {', '.join(sets)}"
    return f"no such contender is trained; {nearest(asked, names)}"
