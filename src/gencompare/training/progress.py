"""Telling people and tools how training goes, and training that it is to stop: the one place to listen and to ask."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

Row = dict[str, float]
Observer = Callable[[str, Row, float], None]

_observers: list[Observer] = []

stopping = threading.Event()
"""Set where every training of this process is to write its checkpoint and end."""

interrupted = threading.Event()
"""Set where that is because somebody asked for it, and not because something failed."""

failure: BaseException | None = None
"""What all are to stop for, where something failed."""


class Stopped(click.ClickException):
    """A training that was asked to stop, and has written its checkpoint."""

    def __init__(self) -> None:
        super().__init__("stopped; the same command goes on from here")

    def __reduce__(self) -> tuple[type[Stopped], tuple[()]]:
        return Stopped, ()


def blame(error: BaseException | None) -> None:
    """Take note of what all are to stop for: the first thing that failed, and nothing that failed for being stopped."""
    global failure  # noqa: PLW0603  whatever thread it fails in, the whole run ends with it
    if failure is None and not interrupted.is_set() and not isinstance(error, Stopped):
        failure = error


@contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Call `observer(training, history row, its whole budget in kimg)` for every row while the context lasts."""
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)


def tell(training: str, row: Row, kimg: float) -> None:
    """Call every observer with a history row."""
    for observer in list(_observers):
        observer(training, row, kimg)
