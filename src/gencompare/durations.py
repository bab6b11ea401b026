"""How long trainings take, from settings and from what earlier ones took: without torch."""

from __future__ import annotations

from pathlib import Path

from gencompare.config.plan import Planned
from gencompare.files import read_json, read_sound
from gencompare.imagesets import make_image_set

SPEEDS = {
    "mlp_gan": 1800.0,
    "dcgan": 680.0,
    "dcgan_upsample": 300.0,
    "vae": 1270.0,
    "vq_vae": 400.0,
    "unet": 218.0,
    "resnet_gan": 150.0,
    "progressive_gan": 200.0,
}
"""Images per second of the contenders of conf/base at 32 x 32 on one core: only how they compare matters."""
SPEED = 150.0
"""Of a model that is not there."""


def known_seconds(planned: Planned, data: Path) -> dict[str, float | None]:
    """Return how long a training of each contender takes: by its budget, or by what the newest one on the same images
    took; None where neither says.

    Args:
        planned: a comparison.
        data: the folder of artifacts.
    """
    folder = make_image_set(planned.image_set.values).folder_name()
    seconds: dict[str, float | None] = {}
    for name, layered in planned.contenders.items():
        kimg, budget = layered.values["training"]["kimg"], layered.values.get("budget", {})
        if "minutes" in budget:
            seconds[name] = 60.0 * budget["minutes"]
        else:
            speed = _speed(data, folder, name)
            seconds[name] = 1000.0 * kimg / speed if speed and kimg else None
    return seconds


def expected_seconds(planned: Planned, data: Path) -> dict[str, float]:
    """Return the same, a guess by model and images where nothing is known: good enough to begin with the longest."""
    found = {}
    for name, known in known_seconds(planned, data).items():
        values = planned.contenders[name].values
        guess = 1000.0 * (values["training"]["kimg"] or 1.0) / SPEEDS.get(values["model"]["name"], SPEED)
        found[name] = guess if known is None else known
    return found


def _speed(data: Path, image_set: str, contender: str) -> float | None:
    """Return the images per second of the newest training of a contender, None where there is none."""
    costs = data.glob(f"06_models/*/{image_set}/{contender}/cost.json/*/cost.json")
    for file in sorted(costs, key=lambda file: file.parent.name, reverse=True):
        cost = read_sound(file, read_json)
        if cost is not None:
            return cost["images_per_second"]
    return None
