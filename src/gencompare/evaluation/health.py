"""Whether a training was healthy: a named verdict over its whole history, with the evidence in words.

It reads the columns of a history that are there: `loss/...` and `grad_norm/...` of every family, and the
metrics of `Adversarial`. "At the end" is the median over the last quarter of the rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

Verdict = Literal["stable", "oscillating", "collapsed", "diverged"]

LOW_DIVERSITY = 0.1
"""Below this diversity or distinctness fakes count as all the same, or as a few repeated ones."""
HIGH_DIVERSITY = 0.3
"""Above this diversity fakes count as varied."""
LEAST_CODES = 1.5
"""Below this perplexity a codebook says nothing."""
WINNING_LOSS = 1e-3
"""Below this loss, with every real image ranked above every fake, the discriminator has won."""
LOW_RANKING = 0.05
"""Below this share of real images ranked above fakes, the discriminator tells the generator nothing."""
EXPLOSION = 100.0
"""A loss or gradient norm so many times what it was in the first half has run away."""
SWING_RATIO = 4.0
"""A loss whose upper quartile is so many times its lower one has room to swing."""
LEAST_SWINGS = 2
"""So many full swings in the second half are oscillation, where one may be a phase of learning."""


@dataclass(frozen=True)
class Health:
    """What a training's history says of it.

    Attributes:
        verdict: `diverged` before `collapsed` before `oscillating` before `stable`.
        evidence: sentences with the numbers behind the verdict; for a stable run, what was looked at.
    """

    verdict: Verdict
    evidence: tuple[str, ...]


def judge(history: pd.DataFrame, status: str) -> Health:
    """Judge a whole training.

    Args:
        history: one row an interval, with `kimg` (see `Trained`).
        status: how the loop left it: `finished` or `diverged`.
    """
    findings: tuple[tuple[Verdict, Iterator[str]], ...] = (
        ("diverged", _divergence(history, status)),
        ("collapsed", _collapse(history)),
        ("oscillating", _oscillation(history)),
    )
    for verdict, sentences in findings:
        evidence = tuple(sentences)
        if evidence:
            return Health(verdict, evidence)
    return Health("stable", tuple(_summary(history)))


def _divergence(history: pd.DataFrame, status: str) -> Iterator[str]:
    if status == "diverged":
        stopped = history.columns[~np.isfinite(history.iloc[-1].to_numpy(dtype=float))]
        yield f"training stopped at {_kimg(history, -1)}: {', '.join(stopped)} not finite"
    for name in _named(history, "loss/", "grad_norm/"):
        values = history[name].abs().dropna()  # not every stage of a training has every loss
        before, end = values.iloc[: max(len(values) // 2, 1)].median(), _end(values)
        if end > EXPLOSION * max(before, 1.0):
            yield f"{name} rose from {before:.3g} in the first half to {end:.3g} at the end"


def _collapse(history: pd.DataFrame) -> Iterator[str]:
    if "codes_in_use" in history and (used := _end(history["codes_in_use"].dropna())) < LEAST_CODES:
        yield f"the codebook collapsed: at the end images were said by {used:.1f} codes"
    if "diversity" not in history:
        return
    diversity, distinctness = _end(history["diversity"]), _end(history["distinctness"])
    if _lost(history["diversity"]):
        yield f"all fakes were alike at the end: their diversity was {diversity:.3f} of the real images'"
    elif _lost(history["distinctness"]):
        yield (
            f"fakes came in a few kinds at the end: the nearest other fake was {distinctness:.3f}"
            f" times as far as among real images, though their diversity was {diversity:.2f}"
        )
    ranking, loss = _end(history["d_ranking"]), _end(history["loss/discriminator"].abs())
    if ranking > 1.0 - WINNING_LOSS and loss < WINNING_LOSS:
        yield (
            f"the discriminator won: it told {ranking:.1%} of real and fake pairs apart at the end with a loss"
            f" of {loss:.2g}, so that the generator had nothing left to learn from"
        )
    elif ranking < LOW_RANKING and diversity < HIGH_DIVERSITY:
        yield (
            f"the discriminator was fooled by fakes that hardly vary (diversity {diversity:.2f}): it ranked only"
            f" {ranking:.1%} of real images above fakes at the end"
        )


def _oscillation(history: pd.DataFrame) -> Iterator[str]:
    if "diversity" in history:
        falls = _falls(history["diversity"], HIGH_DIVERSITY, LOW_DIVERSITY)
        if falls:
            lowest = int(history["diversity"].argmin())
            yield (
                f"the fakes' diversity fell below {LOW_DIVERSITY} {_times(falls)}, to"
                f" {history['diversity'].iloc[lowest]:.3f} at {_kimg(history, lowest)};"
                f" it was {_end(history['diversity']):.2f} at the end"
            )
    half = history.iloc[len(history) // 2 :]
    if "d_ranking" in history:
        falls = _falls(half["d_ranking"], 0.75, 0.25)
        if falls >= LEAST_SWINGS:
            yield (
                f"generator and discriminator took the upper hand in turns: in the second half the discriminator"
                f" went from ranking most real images above fakes to ranking most below {_times(falls)}"
            )
    for name in _named(half, "loss/"):
        values = half[name].dropna()
        low, high = values.quantile([0.25, 0.75])
        falls = _falls(values, high, low) if high > SWING_RATIO * low > 0 else 0
        if falls >= LEAST_SWINGS:
            yield f"{name} fell {_times(falls)} from above {high:.3g} to below {low:.3g} in the second half"


def _summary(history: pd.DataFrame) -> Iterator[str]:
    """What a stable run looked like."""
    for name in _named(history, "loss/"):
        values = history[name].dropna()
        yield f"{name} went from {values.iloc[0]:.3g} to {_end(values):.3g}, always finite"
    if "codes_in_use" in history:
        yield f"at the end images were said by {_end(history['codes_in_use'].dropna()):.0f} codes, were all used alike"
    if "diversity" in history:
        yield (
            f"at the end the fakes' diversity was {_end(history['diversity']):.2f} and their distinctness"
            f" {_end(history['distinctness']):.2f} of the real images'"
        )
        yield f"at the end the discriminator ranked {_end(history['d_ranking']):.0%} of real images above fakes"


def _lost(variety: pd.Series) -> bool:
    """Whether fakes became alike, which those of an untrained generator are to begin with."""
    return _end(variety) < min(LOW_DIVERSITY, variety.max() / 2.0)


def _falls(values: pd.Series, high: float, low: float) -> int:
    """How often a series goes from `high` or above to `low` or below."""
    marks = [value >= high for value in values if value >= high or value <= low]
    return sum(before and not after for before, after in zip(marks, marks[1:], strict=False))


def _end(values: pd.Series) -> float:
    return float(values.iloc[-max(len(values) // 4, 1) :].median())


def _named(history: pd.DataFrame, *prefixes: str) -> list[str]:
    return [name for name in history.columns if name.startswith(prefixes)]


def _kimg(history: pd.DataFrame, row: int) -> str:
    return f"{history['kimg'].iloc[row]:.3g} kimg"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
