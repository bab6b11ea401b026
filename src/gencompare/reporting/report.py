"""The report: one self-contained HTML page about one comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from PIL import Image

from gencompare.imagesets.arrays import Images


@dataclass(frozen=True)
class Neighbours:
    """Samples beside the training images nearest to them.

    Attributes:
        samples: uint8 (K, H, W, C).
        nearest: uint8 (K, M, H, W, C), nearest first.
    """

    samples: np.ndarray
    nearest: np.ndarray


@dataclass(frozen=True)
class ContenderReport:
    """What is known of one contender. What a failed one did not get to is None or empty.

    Attributes:
        name, family: as in the comparison.
        settings: flat, by dotted name.
        status: how training ended: `finished`, `diverged`, `collapsed`, `stopped`.
        history: `kimg`, `loss/<network>`, `grad_norm/<network>` and metrics.
        scores: {"scores": {name: {"value", "low", "high", "better", "passport"}}, ...}.
        cost: parameters, kimg, train_seconds, train_flops, images_per_second, peak_memory_mb, nfe,
            seconds_per_image, device; what is not known is left out.
        samples, interpolation, trajectory, neighbours: pictures and what they are made of.
    """

    name: str
    family: str
    settings: Mapping[str, Any]
    status: str
    history: pd.DataFrame
    scores: Mapping[str, Any] = field(default_factory=dict)
    cost: Mapping[str, Any] = field(default_factory=dict)
    samples: Images | None = None
    interpolation: Image.Image | None = None
    trajectory: Image.Image | None = None
    neighbours: Neighbours | None = None


@dataclass(frozen=True)
class ReportContents:
    """Everything that a report shows.

    Attributes:
        comparison, question: as registered.
        card: what is known of the image set.
        heldout: real images that no contender saw.
        contenders: in the comparison's order.
        table: one row a contender, floor and ceiling rows, from the evaluation room.
        reference: reference statistics, JSON-ready.
        provenance: `command`, `seed`, `git_commit`, `machine`, versions, passports.
    """

    comparison: str
    question: str
    card: Mapping[str, Any]
    heldout: Images
    contenders: Sequence[ContenderReport]
    table: pd.DataFrame
    reference: Mapping[str, Any]
    provenance: Mapping[str, Any]


def render(contents: ReportContents) -> str:
    """Return the report as one HTML page that needs no network and no other file."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gencompare.reporting", ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("template.html").render(contents=contents)
