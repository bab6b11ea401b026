"""Work on many items with all cores, in order, holding only a few results at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def spans(count: int, size: int) -> list[tuple[int, int]]:
    """Cut range(count) into (start, stop) pieces of at most `size`."""
    return [(start, min(start + size, count)) for start in range(0, count, size)]


def pieces(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    """Cut a sequence into pieces of at most `size`, in order."""
    return [items[start:stop] for start, stop in spans(len(items), size)]


def in_order(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield work(item) for each item, in the items' order, computed by one thread a core.

    At most three results a thread wait to be taken, so memory stays constant however slow the taker.
    """
    import joblib  # takes a while, and few commands make images

    threads = joblib.cpu_count()
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > 3 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
