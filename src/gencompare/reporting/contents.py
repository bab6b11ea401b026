"""What a report is made of: everything comes in here, already computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from gencompare.imagesets.arrays import Images
from gencompare.reporting.answer import HEALTHY

# Samples that vary less than this share of real images' variety are all but one image.
COLLAPSED_BELOW = 0.1


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
        name: as in the comparison.
        family: its model's name.
        settings: flat, by dotted name.
        status: how training ended: `finished`, or `diverged`, `stopped` and the like.
        outcome: `validations` with `validated_by`, where there were any.
        history: `kimg`, `loss/<network>`, `grad_norm/<network>` and metrics.
        scores: {"scores": {name: {"value", "low", "high", "better", "passport"}}, ...}.
        cost: the keys of `tables.COSTS`; what is not known is left out.
        samples: the first of the scored samples, same seed and labels for all contenders.
        interpolation: walks through latent space, one a row.
        trajectory: images on their way from noise, one a row.
        reconstructions: of a model that can lead images back to noise, real images, what it makes of them, and
            walks between them, one a row.
        reconstruction_error: of these, the mean squared error of pixels in [0, 1].
        stages: of a model that grew, samples at the end of each resolution, one a row.
        neighbours: its samples beside the training images nearest to them.
    """

    name: str
    family: str
    settings: Mapping[str, Any]
    status: str
    history: pd.DataFrame
    scores: Mapping[str, Any] = field(default_factory=dict)
    outcome: Mapping[str, Any] = field(default_factory=dict)
    cost: Mapping[str, Any] = field(default_factory=dict)
    samples: Images | None = None
    interpolation: Image.Image | None = None
    trajectory: Image.Image | None = None
    reconstructions: Image.Image | None = None
    reconstruction_error: float | None = None
    stages: Image.Image | None = None
    neighbours: Neighbours | None = None


@dataclass(frozen=True)
class ReportContents:
    """Everything that a report shows.

    Attributes:
        comparison: its registered name.
        question: what it is to answer.
        card: what is known of the image set.
        heldout: real images that no contender saw.
        contenders: in the comparison's order.
        table: the scores of contenders, floor and ceiling, from the evaluation room.
        provenance: `command`, `seed`, `git_commit`, `machine`, `python`, `version.<package>`, ...
        reference: reference statistics, JSON-ready.
    """

    comparison: str
    question: str
    card: Mapping[str, Any]
    heldout: Images
    contenders: Sequence[ContenderReport]
    table: pd.DataFrame
    provenance: Mapping[str, Any]
    reference: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def failures(self) -> dict[str, str]:
        """What went wrong, by contender: its status, or `collapsed` where its samples are all but one image."""
        least = COLLAPSED_BELOW * _variety(self.heldout)
        found = {}
        for contender in self.contenders:
            if contender.status not in HEALTHY:
                found[contender.name] = contender.status
            elif contender.samples is not None and _variety(contender.samples) < least:
                found[contender.name] = "collapsed"
        return found


def _variety(images: Images) -> float:
    """Return how far pixels differ between images, as a standard deviation in grey levels."""
    return float(images.images.std(axis=0, dtype=np.float64).mean())
