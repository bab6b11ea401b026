"""One look per contender, the same in every figure: a colour that colour-blind readers can tell, a dash, a marker."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# Okabe & Ito, "Color Universal Design" (2008), without yellow; grey stands for black, so that it shows on dark too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#767676")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
MARKERS = ("circle", "square", "diamond", "triangle-up", "cross", "star", "hexagon", "x")


@dataclass(frozen=True)
class Look:
    """How one contender is drawn: a hex colour, a Plotly dash name, a Plotly marker name."""

    colour: str
    dash: str
    marker: str


def looks(contenders: Iterable[str]) -> dict[str, Look]:
    """Give each contender its look, by its place in the comparison. The first 280 are all different."""
    return {
        name: Look(COLOURS[i % len(COLOURS)], DASHES[i % len(DASHES)], MARKERS[i % len(MARKERS)])
        for i, name in enumerate(contenders)
    }
