"""The comparison table: contenders side by side where their passports agree, with ranks that admit doubt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from gencompare.evaluation.passport import PassportMismatch, differences

Described = Mapping[str, Any]
KINDS = ("floor", "ceiling")


def table(scores: Mapping[str, Described], reference: Described) -> pd.DataFrame:
    """Put scores side by side.

    Args:
        scores: for each contender, what `score` returned.
        reference: what `describe_reference` returned; adds the rows `floor` and `ceiling`.

    Returns:
        One row a contender: `contender`, `kind` (contender, floor or ceiling), `group` (the rank by the first
        score), and for each score `<score>`, `<score>_low`, `<score>_high` and `<score>_rank`. A rank is one
        more than the number of contenders whose whole interval is better, so contenders that cannot be told
        apart share it.

    Raises:
        PassportMismatch: if two scores of one column may not be compared; names the difference.
    """
    rows = {**scores, **{kind: reference[kind] for kind in KINDS}}
    names = _columns(rows)
    found = pd.DataFrame({"contender": list(rows), "kind": [k if k in KINDS else "contender" for k in rows]})
    for name in names:
        column = {
            row: described["scores"][name] for row, described in rows.items() if name in described["scores"]
        }
        found[name] = [column[row]["value"] if row in column else None for row in rows]
        found[f"{name}_low"] = [column[row]["low"] if row in column else None for row in rows]
        found[f"{name}_high"] = [column[row]["high"] if row in column else None for row in rows]
        ranks = _ranks({row: column[row] for row in scores if row in column})
        found[f"{name}_rank"] = pd.array([ranks.get(row) for row in rows], dtype="Int64")
    found.insert(2, "group", found[f"{names[0]}_rank"] if names else None)
    return found


def _columns(rows: Mapping[str, Described]) -> list[str]:
    """All score names in order; refuses scores of one kind that may not be compared."""
    seen: dict[str, tuple[str, str, Mapping[str, Any]]] = {}
    for row, described in rows.items():
        for name, one in described["scores"].items():
            kind = one["kind"]
            other_row, other_name, stamp = seen.setdefault(kind, (row, name, one["passport"]))
            apart = differences(stamp, one["passport"])
            if apart:
                raise PassportMismatch(
                    f"{kind}: {other_row} and {row} may not stand in one column ({other_name}, {name}): "
                    + "; ".join(apart)
                )
    return list(dict.fromkeys(name for described in rows.values() for name in described["scores"]))


def _ranks(column: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    return {
        row: 1 + sum(_surely_better(other, one) for other in column.values()) for row, one in column.items()
    }


def _surely_better(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    if one["better"] == "lower":
        return bool(one["high"] < other["low"])
    return bool(one["low"] > other["high"])
