"""What a user can choose about scoring."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic

from gencompare.config.typed import NonNegative, Positive, Seed, settings


@settings
class EvaluationSettings:
    """How saved samples are scored.

    Attributes:
        extractor: network whose features are compared; only `inception` gives scores that may be called FID.
        second_extractor: `learnt`, a small network that learns the image set's own training images once (about a
            minute); `none` leaves the answer to one pair of eyes.
        weights: file of the extractor's weights, where it brings none of its own; by default the place
            its download goes to.
        samples: images compared, n; fewer where there are not as many real or made ones.
        reference_split: real images that samples are held against; `train` only where a published figure
            does so.
        bootstrap: half-samples drawn for every interval; 0 gives intervals of no width.
        nearest_k: neighbourhood of precision, recall, density and coverage.
        seed: of every random choice in scoring.
        batch_size: images per pass through the extractor.
        device: where the extractor runs.
    """

    extractor: Literal["efficientnet_lite0", "inception", "dinov2"] = "efficientnet_lite0"
    second_extractor: Literal["learnt", "none"] = "learnt"
    weights: str | None = None
    samples: Annotated[int, pydantic.Field(ge=16)] = 1000
    reference_split: Literal["heldout", "train"] = "heldout"
    bootstrap: NonNegative = 100
    nearest_k: Positive = 5
    seed: Seed = 0
    batch_size: Positive = 32
    device: Literal["auto", "cpu", "cuda"] = "auto"
