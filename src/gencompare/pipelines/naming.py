"""Who belongs to whom: the one place that names a comparison's datasets and the boxes of its graph."""

from __future__ import annotations


def dataset(comparison: str, kind: str, part: str | None = None) -> str:
    """Name a dataset of a comparison, or of one of its contenders or trainings: `gan_compare.dcgan.weights`."""
    return f"{comparison}.{part}.{kind}" if part else f"{comparison}.{kind}"


def parameter(comparison: str, kind: str, part: str | None = None) -> str:
    """Name a parameter of a node: `params:gan_compare.dcgan.settings`."""
    return f"params:{dataset(comparison, kind, part)}"


def box(comparison: str, part: str) -> str:
    """Name the box of the graph that holds one part of a comparison: namespace `gan-dcgan` in `gan_compare`.

    A dot instead would draw boxes in one box for the whole comparison, which is then all that one sees; and
    of longer names fewer fit a screen.
    """
    return f"{comparison.removesuffix('_compare')}-{part}"
