"""Numbers, intervals, durations and lists as text that people read."""

from __future__ import annotations

import math
from collections.abc import Sequence

MISSING = "–"
NARROW_SPACE = "\u202f"

PREFIXES = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def number(value: float | None, digits: int = 3, like: float | None = None) -> str:
    """Write a number without an exponent: 0.0123, 41.2, 1 230.

    Args:
        value: a dash is written for None and for what is not finite.
        digits: significant digits.
        like: round to the decimals of this number instead, so that two stand well together.
    """
    if value is None or not math.isfinite(value):
        return MISSING
    size = abs(like or value)
    if size == 0:
        return "0"
    decimals = digits - 1 - math.floor(math.log10(size))
    rounded = round(value, decimals) + 0.0
    return f"{rounded:,.{max(decimals, 0)}f}".replace(",", NARROW_SPACE).replace("-", "−")


def interval(low: float | None, high: float | None, like: float | None = None) -> str:
    """Write an interval, `38.0 to 44.9`, to the decimals of the value in it; empty where an end is not known."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    like = like or max(abs(low), abs(high))
    return f"{number(low, like=like)} to {number(high, like=like)}"


def plain(value: float | None, digits: int = 3) -> str:
    """Write a number as above, without zeros that say nothing: 1.5, 45, 10 000."""
    text = number(value, digits)
    return text.rstrip("0").rstrip(".") if "." in text else text


def count(value: int) -> str:
    """Write a whole number out in full: 10 000."""
    return f"{value:,}".replace(",", NARROW_SPACE)


def scaled(value: float | None, unit: str = "") -> str:
    """Write a large count with a prefix: `2.6 M`, `1.4 PFLOP`."""
    if value is None or not math.isfinite(value):
        return MISSING
    for size, prefix in PREFIXES:
        if abs(value) >= 0.9995 * size:
            return f"{plain(value / size)} {prefix}{unit}"
    return f"{plain(value)} {unit}".rstrip()


def duration(seconds: float | None) -> str:
    """Write a time span: `3 h 5 min`, `2 min 7 s`, `4.2 s`, `1.3 ms`, `12 µs`."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    for size, unit, part, part_unit in ((3600, "h", 60, "min"), (60, "min", 1, "s")):
        if round(seconds / part) * part >= size:
            whole, rest = divmod(round(seconds / part), size // part)
            return f"{whole} {unit}" + (f" {rest} {part_unit}" if rest else "")
    scale, unit = (1.0, "s") if seconds >= 1 else (1e-3, "ms") if seconds >= 1e-3 else (1e-6, "µs")
    return f"{plain(seconds / scale, 2 if seconds < 10 * scale else 3)} {unit}"


def percent(share: float | None) -> str:
    """Write a share: `12%`, `0.4%`."""
    return MISSING if share is None else f"{plain(100 * share, 2)}%"


def probability(chance: float | None) -> str:
    """Write a probability: `0.93`, `> 0.99`."""
    if chance is None:
        return MISSING
    return "> 0.99" if chance > 0.99 else "< 0.01" if chance < 0.01 else f"{chance:.2f}"


def times(ratio: float) -> str:
    """Write a ratio of at least 1: `1.3 times`, `45 times`."""
    return f"{number(ratio, 2)} times"


def listed(names: Sequence[str]) -> str:
    """Join names as in a sentence: `a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
