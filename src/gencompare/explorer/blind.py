"""Questions of the blind test: two sets of pictures, of which the asker alone knows whose they are."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gencompare.config.typed import SettingError, choose
from gencompare.explorer.gallery import Gallery
from gencompare.explorer.votes import KINDS, REAL, Votes, preferred, taken_for_real

SHOWN = {"real": 1, "better": 9}
"""Images a side: one is taken for real or not, of several also their variety is seen."""
MOST_OPEN = 200


@dataclass(frozen=True)
class Question:
    """What was asked: of which kind, about which contenders, left and right."""

    kind: str
    group: str
    sides: tuple[str, str]


class BlindTest:
    """Asks, takes votes, and counts them, for each comparison on an image set (a group) apart."""

    def __init__(self, gallery: Gallery, folder: Path) -> None:
        self._gallery, self._folder = gallery, folder
        self._rng = np.random.default_rng()
        self._open: dict[str, Question] = {}

    def ask(self, group: str, kind: str) -> tuple[str, list[np.ndarray]]:
        """Return a question's token, and the images of its two sides, uint8 (N, H, W, C) each.

        Raises:
            SettingError: if there is nothing to ask about.
        """
        choose(dict.fromkeys(KINDS), kind, "kind")
        names = self._names(group)
        if kind == "better" and len(names) < 2:
            raise SettingError(f"{group}: has one contender only; two are needed to ask which is better")
        drawn = [str(name) for name in self._rng.permutation(names)[: 1 if kind == "real" else 2]]
        sides = [*drawn, REAL] if kind == "real" else drawn
        self._rng.shuffle(sides)
        token = secrets.token_urlsafe(12)
        self._open[token] = Question(kind, group, (sides[0], sides[1]))
        while len(self._open) > MOST_OPEN:
            self._open.pop(next(iter(self._open)))
        return token, [self._draw(side, names[0], SHOWN[kind]) for side in sides]

    def vote(self, token: str, side: int) -> dict[str, Any]:
        """Take a vote, and tell whose the two sides were.

        Raises:
            SettingError: if the question is not open, or there is no such side.
        """
        if side not in (0, 1):
            raise SettingError(f"side={side!r}: must be 0, the left, or 1, the right")
        question = self._open.pop(token, None)
        if question is None:
            raise SettingError("this question was answered already; ask for another")
        chosen, other = question.sides[side], question.sides[1 - side]
        versions = self._versions(question.group)
        known = {name: versions[name] for name in (chosen, other) if name != REAL}
        self._votes(question.group).add(question.kind, chosen, other, known)
        return {"sides": list(question.sides), "chosen": chosen, "kind": question.kind}

    def scores(self, group: str) -> dict[str, Any]:
        """Count the votes of a group: what each contender has come to, by its name."""
        versions = self._versions(group)
        votes = self._votes(group).current(versions)
        better = preferred(votes, list(versions))
        return {
            name: {"taken_for_real": taken_for_real(votes, name), "preferred": better.get(name)}
            for name in versions
        }

    def _names(self, group: str) -> list[str]:
        names = [name for name in self._gallery.trained if name.rpartition("/")[0] == group]
        if not names:
            groups = dict.fromkeys(name.rpartition("/")[0] for name in self._gallery.trained)
            choose(groups, group, "group")
        return names

    def _versions(self, group: str) -> dict[str, str]:
        return {name: str(self._gallery.trained[name].version) for name in self._names(group)}

    def _votes(self, group: str) -> Votes:
        return Votes(self._folder / f"{group}.jsonl")

    def _draw(self, side: str, anyone: str, n: int) -> np.ndarray:
        found = self._gallery.real(anyone).heldout if side == REAL else self._gallery.scored(side)
        chosen = self._rng.choice(len(found), size=n, replace=len(found) < n)
        return np.asarray(found.images[np.sort(chosen)])
