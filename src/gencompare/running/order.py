"""In which order work is begun: the longest trainings first, so that a comparison ends soonest."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Order:
    """What goes before what. Work that is not named here goes before all that is.

    Attributes:
        priorities: of work by its label; what has more is begun first once it waits for a worker.
        after: the labels of work that must have been handed over before; it is not waited for to end.
    """

    priorities: Mapping[str, int] = field(default_factory=dict)
    after: Mapping[str, Collection[str]] = field(default_factory=dict)


def longest_first(seconds: Mapping[str, float], references: Collection[str], workers: int) -> Order:
    """Order trainings by length. What scores need comes once every worker has one, for nothing waits for it before.

    Samples, pictures and scores are not named, so that they go before trainings that have not begun: a contender that
    is trained is soon done.

    Args:
        seconds: of each training, by label.
        references: labels of work that scoring, but no training, waits for.
        workers: how many there are.
    """
    trainings = sorted(seconds, key=lambda label: -seconds[label])
    priorities = {label: -2 * place for place, label in enumerate(trainings, start=1)}
    after: dict[str, Collection[str]] = {
        label: [other for other in trainings if seconds[other] > seconds[label]] for label in trainings
    }
    for label in references:
        priorities[label] = -2 * workers - 1
        after[label] = trainings[:workers]
    return Order(priorities, after)
