"""What contenders had the same of while they trained, and what not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gencompare.reporting.formatting import duration, listed, scaled

# Contenders within this of each other had the same of something.
EQUAL = 1.15
# A training that had less of a core than this shared it with other work: alone it has 0.95 and more, on one thread.
BUSY = 0.9
# Seconds; in less, the run's own start is a good part of what the machine does.
LONG_ENOUGH = 10.0

EQUALS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("train_seconds", "training time", duration),
    ("train_flops", "training compute", lambda flops: scaled(flops, "FLOP")),
    ("kimg", "images seen", lambda kimg: scaled(1000 * kimg)),
    ("parameters", "parameters", scaled),
)


def what_was_equal(costs: Mapping[str, Mapping[str, Any]]) -> str:
    """Say in one line what all contenders had the same of, and what not; empty for fewer than two.

    Args:
        costs: by contender, the keys of EQUALS; what one lacks is not spoken of.
    """
    same, other = [], []
    for key, what, write in EQUALS:
        values = {name: cost[key] for name, cost in costs.items() if cost.get(key)}
        if len(values) < 2 or len(values) < len(costs):
            continue
        least, most = min(values, key=values.__getitem__), max(values, key=values.__getitem__)
        ratio = values[most] / values[least]
        if ratio <= EQUAL:
            same.append(what if ratio < 1.005 else f"{what} within {100 * (ratio - 1):.0f}%")
        else:
            between = f"{write(values[least])} ({least}) to {write(values[most])} ({most})"
            other.append(f"{what}, {between}")
    said = [f"Equal between contenders: {listed(same)}." if same else ""]
    said.append(f"Not equal: {'; '.join(other)}." if other else "")
    return " ".join(part for part in said if part)


def how_busy(costs: Mapping[str, Mapping[str, Any]]) -> str:
    """Say which contenders shared the machine with other work while they trained on a CPU; empty for none.

    Args:
        costs: by contender, `cores`, `device` and `train_seconds`, where they are known.
    """
    had = {
        name: cost["cores"]
        for name, cost in costs.items()
        if "CPU" in str(cost.get("device"))
        and 0 < cost.get("cores", 0) < BUSY
        and cost["train_seconds"] >= LONG_ENOUGH
    }
    if not had:
        return ""
    least, most = f"{min(had.values()):.2f}", f"{max(had.values()):.2f}"
    share = least if least == most else f"{least} to {most}"
    return f"Other work kept the machine busy: {listed(list(had))} trained with {share} of a core, and for longer than alone."
