"""The blind test: votes are kept in a file, and become scores with intervals."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import choix
import numpy as np
from scipy.stats import binomtest

from gencompare.evaluation.resampling import NORMAL_95

REAL = "real"
KINDS = ("real", "better")


class Votes:
    """Votes on the contenders of one comparison on one image set, one JSON line each.

    Args:
        file: where they are kept.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def add(self, kind: str, chosen: str, other: str, versions: dict[str, str]) -> None:
        """Keep one vote.

        Args:
            kind: `real`, where the chosen one was taken for real, or `better`.
            chosen, other: names of contenders, or REAL.
            versions: of the weights of those two that are contenders.
        """
        vote = {
            "at": round(time.time()),
            "kind": kind,
            "chosen": chosen,
            "other": other,
            "versions": versions,
        }
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(vote) + "\n")

    def current(self, versions: dict[str, str]) -> list[dict[str, Any]]:
        """Return the votes on these versions of weights; those on earlier ones count no more."""
        if not self.file.is_file():
            return []
        lines = self.file.read_text(encoding="utf-8").splitlines()
        votes = [json.loads(line) for line in lines if line.endswith("}")]  # else it was cut short
        return [vote for vote in votes if vote["versions"].items() <= versions.items()]


def taken_for_real(votes: Iterable[dict[str, Any]], name: str) -> dict[str, float] | None:
    """How often a contender's image was taken for the real one beside it, with Wilson's 95% interval; 0.5 is perfect.

    Returns:
        `k` of `n`, `value`, `low`, `high`; None without votes.
    """
    own = [vote for vote in votes if vote["kind"] == "real" and name in (vote["chosen"], vote["other"])]
    if not own:
        return None
    k = sum(vote["chosen"] == name for vote in own)
    interval = binomtest(k, len(own)).proportion_ci(method="wilson")
    return {"k": k, "n": len(own), "value": k / len(own), "low": interval.low, "high": interval.high}


def preferred(votes: Iterable[dict[str, Any]], names: Sequence[str]) -> dict[str, dict[str, float]]:
    """How likely each contender is preferred to an average one: Bradley and Terry's model, with 95% intervals.

    The posterior of the strengths, under a standard normal prior, comes from expectation propagation (choix).

    Returns:
        For each contender that was voted on, `n`, `value`, `low`, `high`.
    """
    own = [vote for vote in votes if vote["kind"] == "better"]
    own = [vote for vote in own if vote["chosen"] in names and vote["other"] in names]
    seen = [name for name in names if any(name in (vote["chosen"], vote["other"]) for vote in own)]
    if not seen:
        return {}
    place = {name: number for number, name in enumerate(seen)}
    pairs = [(place[vote["chosen"]], place[vote["other"]]) for vote in own]
    mean, covariance = choix.ep_pairwise(len(seen), pairs, alpha=1.0, model="logit")
    found = {}
    for name, number in place.items():
        contrast = np.eye(len(seen))[number] - 1 / len(seen)
        strength, error = contrast @ mean, math.sqrt(contrast @ covariance @ contrast)
        low, value, high = (
            1 / (1 + math.exp(-x))
            for x in (strength - NORMAL_95 * error, strength, strength + NORMAL_95 * error)
        )
        votes_on = sum(name in (vote["chosen"], vote["other"]) for vote in own)
        found[name] = {"n": votes_on, "value": value, "low": low, "high": high}
    return found
