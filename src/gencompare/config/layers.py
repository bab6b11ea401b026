"""The one order in which settings override each other, and where each value in force came from.

    class default < `training:` < blocks it is `like` < its own block        in conf/base
                  < the same three                                           in the environment's folder
                  < the budget < the command line

A part that names another choice (`name`) replaces the part as a whole.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gencompare.config.typed import SettingError, flatten, nearest

Values = dict[str, Any]

PARTS = ("model", "objective", "sampler", "training", "images")
DEFAULT, BUDGET, COMMAND_LINE = "default", "budget", "command line"


@dataclass
class Layered:
    """Nested settings in force.

    Attributes:
        values: the settings.
        origins: for each of them, by dotted name, what gave it its value.
    """

    values: Values = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)

    def lay(self, values: Mapping[str, Any], origin: str, inside: str = "") -> None:
        """Lay further settings over what is there."""
        target = self.values
        for key in filter(None, inside.split(".")):
            target = target.setdefault(key, {})
        for key, value in values.items():
            name = f"{inside}.{key}" if inside else str(key)
            if isinstance(value, Mapping) and _goes_on(target.get(key), value):
                self.lay(value, origin, name)
                continue
            target[key] = copy.deepcopy(value)
            self.origins = {
                known: where
                for known, where in self.origins.items()
                if known != name and not known.startswith(f"{name}.")
            }
            self.origins |= dict.fromkeys(flatten({name: value}), origin)

    def complete(self, values: Values) -> None:
        """Write out class defaults: take complete values in which all settings given so far are contained."""
        self.values = values
        self.origins = {name: self.origins.get(name, DEFAULT) for name in flatten(values)}


@dataclass(frozen=True)
class File:
    """What one folder of conf/ says.

    Attributes:
        name: of the folder, such as `conf/base`.
        parameters: of its parameters.yml.
        comparisons: blocks of its comparisons.yml.
    """

    name: str
    parameters: Mapping[str, Any]
    comparisons: Mapping[str, Any] = field(default_factory=dict)

    @property
    def blocks(self) -> Mapping[str, Mapping[str, Any]]:
        """What it says of contenders, by name."""
        return self.parameters.get("contenders") or {}

    def block(self, contender: str) -> Mapping[str, Any]:
        """Return what it says of one contender."""
        return self.blocks.get(contender, {})


@dataclass(frozen=True)
class Sources:
    """Everything that settings can be given in.

    Attributes:
        files: conf/base, then the environment's.
        given: the command line's parameters.
    """

    files: Sequence[File]
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def contenders(self) -> list[str]:
        """Every contender there is."""
        return list(dict.fromkeys(name for file in (*self.files, self.command_line) for name in file.blocks))

    @property
    def command_line(self) -> File:
        """The command line as a file."""
        return File(COMMAND_LINE, self.given)

    def section(self, name: str, choice: str | None = None) -> list[tuple[Mapping[str, Any], str]]:
        """Return a section's values, or those of one choice in it, with where they come from, in order."""
        found = []
        for file in (*self.files, self.command_line):
            values = file.parameters.get(name) or {}
            found.append((values if choice is None else values.get(choice) or {}, file.name))
        return found

    def contender(self, name: str, budget: Mapping[str, Any] | None = None) -> Layered:
        """Lay one contender's settings, defaults apart.

        Args:
            name: of the contender.
            budget: settings of `training` that follow from the comparison's budget.

        Raises:
            SettingError: if there is no such contender, or it is like itself.
        """
        layered = self._from_files(name, len(self.files))
        layered.lay({"training": budget or {}}, BUDGET)
        given = self.command_line
        layered.lay({"training": given.parameters.get("training") or {}}, COMMAND_LINE)
        layered.lay(_parts(given.block(name)), COMMAND_LINE)
        return layered

    def _from_files(self, name: str, count: int) -> Layered:
        """Lay what the first `count` files say."""
        layered, chain = Layered(), self._chain(name)
        for place, file in enumerate(self.files[:count]):
            layered.lay({"training": file.parameters.get("training") or {}}, f"{file.name}: training")
            before = {other: _choices(self._from_files(other, place)) for other in chain}
            for other in chain:
                block = _parts(file.block(other))
                # What an environment says of `dcgan` is for its kind of network, not for what is like it otherwise.
                followed = {k: v for k, v in block.items() if before[other].get(k) == before[name].get(k)}
                own = other == name
                layered.lay(block if own else followed, file.name if own else f"{file.name}: like {other}")
        return layered

    def _chain(self, name: str) -> list[str]:
        """Return the contenders that one is like, the furthest first, and itself."""
        chain: list[str] = []
        next_one: str | None = name
        while next_one is not None:
            name = next_one
            if name in chain:
                raise SettingError(f"contenders.{name}.like={chain[-1]!r}: goes round in a circle")
            blocks = [file.block(name) for file in (*self.files, self.command_line)]
            if not any("model" in block or "like" in block for block in blocks):
                whole = [other for other in self.contenders if other != name]
                raise SettingError(f"contenders.{name}: no such contender; {nearest(name, whole)}")
            chain.append(name)
            next_one = next((block["like"] for block in reversed(blocks) if "like" in block), None)
        return chain[::-1]


def _parts(block: Mapping[str, Any]) -> Values:
    return {part: values for part, values in block.items() if part != "like"}


def _choices(layered: Layered) -> Values:
    """Return which network, objective and sampler are chosen."""
    return {p: v.get("name") for p, v in layered.values.items() if isinstance(v, Mapping)}


def _goes_on(there: Any, values: Mapping[str, Any]) -> bool:
    """Whether a mapping is of the same choice as what is there already, and not another one in its place."""
    return isinstance(there, Mapping) and values.get("name", there.get("name")) == there.get("name")
