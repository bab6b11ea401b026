"""Typed settings: what every room uses to declare its parameters and to refuse bad ones by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, dataclass_transform, get_args

import click
import pydantic
from pydantic.dataclasses import dataclass
from pydantic_core import ErrorDetails

T = TypeVar("T")

END_OF_WHOLE_NUMBERS = 2**31
"""Of those above 0 that have no smaller bound: more is a slip, and no size of anything."""
Positive = Annotated[int, pydantic.Field(gt=0, lt=END_OF_WHOLE_NUMBERS)]
Depth = Annotated[int, pydantic.Field(gt=0, le=256)]
"""How many layers, or blocks of them, follow each other."""
NonNegative = Annotated[int, pydantic.Field(ge=0)]
Seed = Annotated[int, pydantic.Field(ge=0, lt=2**63)]
"""Of random generators, which take 64 bits; every further training has one more."""
PositiveFloat = Annotated[float, pydantic.Field(gt=0)]
NonNegativeFloat = Annotated[float, pydantic.Field(ge=0)]
Fraction = Annotated[float, pydantic.Field(ge=0, le=1)]
Decay = Annotated[float, pydantic.Field(ge=0, lt=1)]
"""Of a moving average, which at 1 would never move."""
Part = Annotated[float, pydantic.Field(gt=0, lt=1)]
"""Of what is split in two, where neither part may be empty."""


MISSING = frozenset({"missing", "missing_argument"})
"""Pydantic's words for what must be given."""
LONGEST_SHOWN = 200
"""Characters of a path in a message."""
MANY = 30
"""So many names fit in a line that is still read."""


class SettingError(click.ClickException, ValueError):
    """A setting that cannot be used. Its message is one line: setting, value, what is allowed.

    On the command line that line is all that is shown, with exit status 1.
    """


@dataclass_transform(frozen_default=True, kw_only_default=True)
def settings(cls: type[T]) -> type[T]:
    """Make a frozen, keyword-only dataclass whose field types and bounds are checked when it is made."""
    return dataclass(
        frozen=True, kw_only=True, config=pydantic.ConfigDict(extra="forbid", allow_inf_nan=False)
    )(cls)  # type: ignore[return-value]


def build(cls: type[T], values: Mapping[str, Any], where: str) -> T:
    """Make a settings object from parameters.

    Args:
        cls: a class decorated with `settings`.
        values: its fields; fields left out take their defaults.
        where: the dotted name of these values in the parameters, for error messages.

    Raises:
        SettingError: for the first unknown, missing or unacceptable field, naming it.
    """
    if not isinstance(values, Mapping):
        raise SettingError(f"{where}={values!r}: must be a mapping of settings, such as {where}.name=value")
    try:
        made = pydantic.TypeAdapter(cls).validate_python(dict(values))
    except pydantic.ValidationError as error:
        raise SettingError(_first_line(cls, values, error, where)) from None
    for name, value in values.items():
        _check_kind(value, getattr(made, name, value), f"{where}.{name}" if where else name)
    return made


def named_path(path: str | Path, setting: str) -> Path:
    """Return the path that a user named, with `~` for a home folder.

    Raises:
        SettingError: where there can be no such path, as where a home folder is not known or a name is too long.
    """
    try:
        found = Path(path).expanduser()
        found.exists()
    except (RuntimeError, OSError) as error:
        name = str(path)[:LONGEST_SHOWN]
        raise SettingError(f"{setting}={name!r}: {getattr(error, 'strerror', None) or error}") from None
    return found


def choose(registry: Mapping[str, T], name: Any, where: str) -> T:
    """Look a name up in a registry.

    Raises:
        SettingError: if the name is not there, with the nearest names or all of them.
    """
    if isinstance(name, str) and name in registry:
        return registry[name]
    raise SettingError(f"{where}={name!r}: unknown; {nearest(str(name), registry)}")


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known names are nearest to a name, or which there are, if they are not very many."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(close)}?"
    more = f" and {len(names) - MANY} more" if len(names) > MANY else ""
    return f"known: {', '.join(names[:MANY])}{more}"


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten nested mappings to one mapping of dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _check_kind(value: Any, taken: Any, setting: str) -> None:
    """Refuse a switch or a text that was taken for a number, and a number or a text for a switch."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _check_kind(
                inner,
                taken.get(name) if isinstance(taken, Mapping) else getattr(taken, name),
                f"{setting}.{name}",
            )
    elif isinstance(value, list | tuple):
        for place, (inner, one) in enumerate(zip(value, taken, strict=True)):
            _check_kind(inner, one, f"{setting}.{place}")
    elif isinstance(taken, bool | int | float) and (
        isinstance(value, str) or isinstance(value, bool) != isinstance(taken, bool)
    ):
        kind = "true or false" if isinstance(taken, bool) else "a number"
        raise SettingError(f"{setting}={value!r}: must be {kind}, and is {type(value).__name__}")


def _first_line(cls: type, values: Mapping[str, Any], error: pydantic.ValidationError, where: str) -> str:
    first = error.errors()[0]
    named = _path(values, first)
    setting = ".".join([where, *named] if where else named)
    if first["type"] == "unexpected_keyword_argument":
        fields = _fields(cls, first["loc"][:-1])
        return f"{setting}={first['input']!r}: no such setting; {nearest(str(first['loc'][-1]), fields)}"
    if first["type"] in MISSING:
        return f"{setting}: must be given"
    message = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if not first["loc"]:
        return f"{setting}: {message}"
    return f"{setting}={first['input']!r}: {message}"


def _fields(cls: Any, path: Iterable[str | int]) -> Iterable[str]:
    """Return the settings that there are at a place within settings of a class."""
    for part in path:
        if part in getattr(cls, "__pydantic_fields__", {}):
            inner = get_args(cls.__pydantic_fields__[part].annotation)
            cls = next((one for one in inner if hasattr(one, "__pydantic_fields__")), cls)
    return getattr(cls, "__dataclass_fields__", {})


def _path(values: Any, error: ErrorDetails) -> list[str]:
    """Return where in some values an error is: of pydantic's path what stands in them, or is missing there."""
    path = []
    for part in error["loc"]:
        if isinstance(values, Mapping) and part in values:
            values = values[part]
        elif isinstance(values, list | tuple) and isinstance(part, int) and part < len(values):
            values = values[part]
        elif error["type"] not in MISSING:  # a word of its own, such as a type's name
            continue
        path.append(str(part))
    return path
