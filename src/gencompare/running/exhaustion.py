"""A disk or a memory that is full, said in one line with what to try."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from gencompare.files import no_room


class Exhausted(click.ClickException):
    """What a machine has too little of for the work that was asked of it."""

    def __reduce__(self) -> tuple[type[Exhausted], tuple[str]]:
        return type(self), (self.message,)


class OutOfMemory(Exhausted):
    """Memory, of the machine or of a card: what is smaller may still fit."""


class WorkerKilled(MemoryError):
    """Work whose workers were killed one after the other, as a system does where its memory is full."""

    def __init__(self, times: int) -> None:
        super().__init__(f"its worker was killed {times} times, as the system does where memory is full")


@contextmanager
def in_one_line(arguments: Sequence[Any]) -> Iterator[None]:
    """Turn the errors of a full disk or memory into one line.

    Args:
        arguments: of the work, a contender's complete settings among them, if it is of one, and the folders that it
            writes in: of a file that cannot go on, the system says no name.

    Raises:
        Exhausted: in place of such an error.
    """
    try:
        yield
    except OSError as error:
        if no_room(error) is None:
            raise
        folders = [str(one) for one in arguments if isinstance(one, Path)]
        error.filename = error.filename or " or ".join(folders)
        raise Exhausted(str(no_room(error))) from error
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        what = str(error) if isinstance(error, WorkerKilled) else "out of memory"
        raise OutOfMemory(_advice(arguments, what)) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error, torch's among them, says that the memory of the machine or of a card is full."""
    torchs = ("out of memory", "can't allocate memory", "Storage size calculation overflowed")
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(said in str(error) for said in torchs)
    )


def _advice(arguments: Sequence[Any], what: str) -> str:
    for settings in arguments:
        if isinstance(settings, Mapping) and "training" in settings:
            size, name = settings["training"]["batch_size"], settings["contender"]
            less = max(1, size // 2)
            return (
                f"{settings['name']}: {what}, at training.batch_size={size}; try --params=contenders.{name}."
                f"training.batch_size={less}, or end other programs"
            )
    return f"{what}; try a smaller evaluation.batch_size or evaluation.samples, or end other programs"
