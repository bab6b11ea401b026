"""The comparison table: contenders side by side where their passports agree, with ranks that admit doubt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gencompare.evaluation.kinds import KINDS
from gencompare.evaluation.passport import PassportMismatch, differences
from gencompare.evaluation.ranks import Interval, ranks
from gencompare.evaluation.resampling import over_seeds, rare_interval

Described = Mapping[str, Any]
Row = str | tuple[str, int]
REFERENCES = {"real_images": "real images", "noise": "noise"}  # what `describe_reference` scores, and its row


def score_table(scores: Mapping[Row, Described], reference: Described) -> pd.DataFrame:
    """Put scores side by side.

    Args:
        scores: what `score` returned for each contender, or for each (contender, seed).
        reference: what `describe_reference` returned; adds the rows `real images` and `noise`.

    Returns:
        One row a contender and seed: `contender`, `seed`, `kind` (contender, real images or noise), `group` (the
        rank by the first score), and for each score `<score>`, `<score>_low`, `<score>_high`,
        `<score>_rank`. A rank is one more than the number of contenders whose whole interval (over its
        seeds, see `combined`) is better, so contenders that cannot be told apart share it. Where more than real
        images' is a fault and less is no merit (`only_worse` of KINDS), those not surely worse have no rank.

    Raises:
        PassportMismatch: if two scores of one column may not be compared; names the difference.
    """
    names = _columns({**scores, **{row: reference[key] for key, row in REFERENCES.items()}})
    rows = [(*_named(row), "contender", described["scores"]) for row, described in scores.items()]
    rows += [(row, None, row, reference[key]["scores"]) for key, row in REFERENCES.items()]
    seeds: dict[str, list[Described]] = {}
    for row, described in scores.items():
        seeds.setdefault(_named(row)[0], []).append(described)
    together = {contender: combined(several)["scores"] for contender, several in seeds.items()}
    found: dict[str, Any] = {
        "contender": [row[0] for row in rows],
        "seed": pd.array([row[1] for row in rows], dtype="Int64"),
        "kind": [row[2] for row in rows],
        "group": None,
    }
    for name in names:
        cells = [one.get(name, {}) for *_, one in rows]
        for part, column in (("value", name), ("low", f"{name}_low"), ("high", f"{name}_high")):
            found[column] = pd.array([cell.get(part) for cell in cells], dtype="Float64").to_numpy(
                float, na_value=np.nan
            )
        having = {contender: one[name] for contender, one in together.items() if name in one}
        better = next((one["better"] for one in having.values()), "lower")
        intervals = {contender: (one["low"], one["high"]) for contender, one in having.items()}
        ranked = ranks(intervals, better, _only_worse_than(name, reference))
        found[f"{name}_rank"] = pd.array([ranked.get(row[0]) for row in rows], dtype="Int64")
    found["group"] = found[f"{names[0]}_rank"]
    return pd.DataFrame(found)


def _only_worse_than(name: str, reference: Described) -> Interval | None:
    """Return real images' interval of a score that ranks nobody who is not surely worse than they are."""
    real = reference["real_images"]["scores"].get(name)
    kind = KINDS.get(real["kind"]) if real else None
    return (real["low"], real["high"]) if real and kind and kind.only_worse else None


def combined(seeds: Sequence[Described]) -> dict[str, Any]:
    """Bring the scores of one contender's seeds together.

    The value is the mean over seeds, with an interval over them (see `over_seeds`), Wilson's of all samples where a share
    is near 0 or 1; a single seed keeps its own, which knows nothing of other seeds.

    Args:
        seeds: what `score` returned for each seed, at least one.

    Returns:
        The same shape as `score` returns, each score with `seeds`, how many stand behind it.

    Raises:
        PassportMismatch: if two of them may not be compared.
    """
    names = _columns({f"seed {i}": one for i, one in enumerate(seeds)})
    scores = {}
    for name in names:
        each = [one["scores"][name] for one in seeds if name in one["scores"]]
        scores[name] = {**each[0], **_over_seeds(each), "seeds": len(each)}
    return {**seeds[0], "scores": scores}


def _over_seeds(each: Sequence[Described]) -> dict[str, float]:
    if len(each) == 1:
        return {}
    values, errors = (np.array([one[of] for one in each]) for of in ("value", "standard_error"))
    # Scores of earlier versions say of none what its seeds have in common, nor how many samples are distinct.
    common = np.array([one.get("common_error", 0.0) for one in each])
    mean, half, error = (float(found) for found in over_seeds(values, errors, common))
    kind = KINDS[each[0]["kind"]]
    n = sum(one.get("distinct", one["passport"]["n"]) for one in each)
    low, high = (rare_interval(mean, n) if kind.share else None) or (mean, mean)
    return {
        "value": mean,
        "low": max(min(mean - half, low), kind.least),
        "high": min(max(mean + half, high), kind.most),
        "standard_error": error,
        "common_error": float(np.sqrt(np.mean(common**2))),
    }


def _named(row: Row) -> tuple[str, int | None]:
    return (row, None) if isinstance(row, str) else row


def _columns(rows: Mapping[Any, Described]) -> list[str]:
    """All score names in order; refuses scores of one kind that may not be compared."""
    first: dict[str, tuple[Any, str, Described]] = {}
    for row, described in rows.items():
        for name, one in described["scores"].items():
            other, other_name, stamp = first.setdefault(one["kind"], (row, name, one["passport"]))
            apart = differences(stamp, one["passport"])
            if apart:
                raise PassportMismatch(
                    f"{other_name} of {other} and {name} of {row} must not stand in one column: "
                    + "; ".join(apart)
                )
    return list(dict.fromkeys(name for described in rows.values() for name in described["scores"]))
