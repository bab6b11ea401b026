"""Nodes whose work is sent to the engine where one runs, and done here where none does."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from gencompare.running.exhaustion import in_one_line
from gencompare.training import progress

if TYPE_CHECKING:
    from gencompare.running.engine import Engine

Result = TypeVar("Result")
Made = TypeVar("Made", bound=Sized)

SECONDS_OF_A_PART = 10.0
"""So long one worker goes on alone: what takes less does not pay to part."""

SECONDS_BETWEEN_STOPS = 1.0

label: ContextVar[str] = ContextVar("label")
"""What the work of this thread is called: the name of its node."""

_starting: Future[Engine] | None = None


@contextmanager
def running(make: Callable[[], Engine]) -> Iterator[None]:
    """Send remote work to an engine while the context lasts. It starts beside what comes first."""
    global _starting  # noqa: PLW0603  node threads must see it, so it is no context variable
    with ThreadPoolExecutor(1) as starter:
        _starting = starter.submit(make)
        try:
            yield
        finally:
            engine, _starting = _starting.result(), None
            engine.close()


def remote(function: Callable[..., Result]) -> Callable[..., Result]:
    """Have a function of a module called on a worker of the engine, if one runs."""

    @wraps(function)
    def called(*arguments: Any) -> Result:
        with in_one_line(arguments):
            if _starting is None:
                return function(*arguments)
            return _starting.result().call(label.get(), function, *arguments)

    called.goes_to_the_engine = True  # type: ignore[attr-defined]
    return called


def in_parts(
    function: Callable[..., tuple[Made, Result]], n: int, *arguments: Any
) -> list[tuple[Made, Result]]:
    """Have a function of a module make n things, on all workers if that takes long, and return the parts in order.

    Args:
        function: takes (first, n, seconds, *arguments) and makes things first .. first + n - 1, or the foremost of
            them once these seconds are over; returns them and anything else.
    """
    if _starting is None:
        return [function(0, n, math.inf, *arguments)]
    engine, name = _starting.result(), label.get()
    made = [engine.call(name, function, 0, n, SECONDS_OF_A_PART, *arguments)]
    size = len(made[0][0])

    def part(first: int) -> tuple[Made, Result]:
        last = min(first + size, n)
        told = f"{name}, {first + 1} to {last} of {n}"
        return engine.call(told, function, first, last - first, math.inf, *arguments)

    with ThreadPoolExecutor(max(1, n // size)) as pool:
        return made + list(pool.map(part, range(size, n, size)))


def goes_in_parts(function: Callable[..., Result]) -> Callable[..., Result]:
    """Mark a node's function that stays here and sends parts of its work."""
    function.goes_to_the_engine = True  # type: ignore[attr-defined]
    return function


def is_running() -> bool:
    """Whether an engine runs."""
    return _starting is not None


def is_remote(function: Callable[..., Any]) -> bool:
    """Whether a node's function is sent to the engine."""
    return getattr(function, "goes_to_the_engine", False)


def give_up() -> None:
    """End what has not stopped when asked to."""
    if _starting is not None:
        _starting.result().close()
    else:
        os.kill(os.getpid(), signal.SIGINT)


def stop(failure: BaseException | None = None) -> None:
    """Have all work write its checkpoint and end, wherever it runs. It waits for nothing: signals call it.

    Args:
        failure: what for, where something failed.
    """
    progress.blame(failure)
    begun = progress.stopping.is_set()
    progress.stopping.set()
    if _starting is not None and not begun:
        threading.Thread(target=_keep_stopping, args=[_starting], daemon=True).start()


def _keep_stopping(starting: Future[Engine]) -> None:
    """Ask workers to stop until the engine ends: one that replaces another was not there when they were asked first."""
    if starting.exception() is None:
        engine = starting.result()
        while not engine.is_closed:
            engine.stop()
            time.sleep(SECONDS_BETWEEN_STOPS)
