"""The node that makes images of a trained contender."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

from PIL.Image import Image

from gencompare.imagesets.arrays import Images
from gencompare.imagesets.pictures import image_grid, single
from gencompare.sampling.saved import answer

logger = logging.getLogger(__name__)

SHOWN = 1024


def sample_saved(models: Path, request: dict[str, Any]) -> tuple[Images, Image, dict[str, Image]]:
    """Make images with the newest weights of a trained contender; return them, a grid, and single pictures if asked.

    Args:
        models: the folder of trained contenders.
        request: `from`, `dataset`, `n`, `labels`, `seed` (None: the training's own) and `pngs`, as in `config.plan`.
    """
    chosen, trained, labels = answer(models, request)
    n, seed = request["n"], request["seed"]
    seed = trained.settings["seed"] if seed is None else seed
    logger.info(
        "%d images of %s, trained on %s with seed %d, weights of %s; of seed %d",
        n,
        request["from"],
        chosen.image_set,
        trained.settings["seed"],
        chosen.version,
        seed,
    )
    if request["labels"] is not None and labels is not None:
        classes = trained.shape["classes"]
        logger.info("Of the classes %s.", ", ".join(str(classes[number]) for number in sorted(set(labels))))
    images = trained.sample(n, labels, seed)
    grid = image_grid(images[:SHOWN], columns=max(8, math.isqrt(min(n, SHOWN))))
    pictures = enumerate(images if request["pngs"] else ())
    singles = {f"seed{seed}-{number:05d}": single(image) for number, image in pictures}
    return Images(images, labels), grid, singles
