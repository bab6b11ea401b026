"""What of a contender's settings decides its training. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNCONCERNED = frozenset({"checkpoint_seconds", "device", "sample_from", "validation_samples"})
"""Settings of training that do not change its result."""


def deciding(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of a contender's complete settings that decide what its training comes to: not its name, for one."""
    training = {name: value for name, value in settings["training"].items() if name not in UNCONCERNED}
    if training.get("processes") == 1:
        del training["processes"]
    return {part: settings[part] for part in ("model", "objective", "images", "seed")} | {
        "training": training
    }
