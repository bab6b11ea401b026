"""Features of image sets: extracted once for each content, then read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gencompare.array_files import read_array
from gencompare.config.typed import choose
from gencompare.evaluation import learnt
from gencompare.evaluation.extractors import DINOv2, EfficientNetLite0, Extractor, Inception
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.files import read_sound, write_whole
from gencompare.imagesets.arrays import ImageSplits
from gencompare.source_code import code_hash, defined_in
from gencompare.training.device import find_device

EXTRACTORS: dict[str, Callable[[str | None], Extractor]] = {
    "efficientnet_lite0": EfficientNetLite0,
    "inception": Inception,
    "dinov2": DINOv2,
}


@lru_cache(maxsize=1)
def make_extractor(name: str, weights: str | None = None) -> Extractor:
    """Make the extractor of a name, with its own weights or the user's file of them.

    Raises:
        SettingError: if there is no such extractor, or its weights cannot be had.
    """
    return choose(EXTRACTORS, name, "evaluation.extractor")(weights)


def learnt_extractor(splits: ImageSplits, cache: Path) -> learnt.Learnt:
    """Make the extractor that learnt an image set's training images; it learns them the first time only.

    Args:
        splits: the image set; only its training images are looked at.
        cache: folder that keeps the weights, by content of the training images and of the code, as far as it reaches.
    """
    facts = [splits.card["sha256"]["train"], code_hash(frozenset({learnt.__name__})), torch.__version__]
    path = cache / "learnt" / f"{hashlib.sha256(repr(facts).encode()).hexdigest()}.safetensors"
    subject = learnt.subject(splits.train)
    kept = read_sound(path, lambda file: learnt.Learnt(file.read_bytes(), subject))
    if kept is not None:
        return kept
    weights = learnt.learn(splits.train)
    write_whole(path, lambda file: file.write(weights))
    return learnt.Learnt(weights, subject)


def features(
    images: np.ndarray, extractor: Extractor, settings: EvaluationSettings, cache: Path
) -> np.ndarray:
    """Extract features, or read them where the same images met the same extractor before.

    Args:
        images: uint8 (N, H, W, C), C = 1 or 3.
        extractor: from `make_extractor`.
        settings: batch size and device.
        cache: folder to keep features in, by content, code and device.

    Returns:
        float32 (N, D).
    """
    code = code_hash(defined_in(type(extractor)))
    facts = [extractor.passport(), code, torch.__version__, find_device(settings.device).type]
    path = cache / extractor.name / f"{content_hash(images, *facts)}.npy"
    kept: np.ndarray | None = read_sound(path, read_array)
    if kept is not None:
        return kept
    found = extract(images, extractor, settings)
    write_whole(path, lambda file: np.save(file, found))
    return found


def content_hash(images: np.ndarray, *facts: Any) -> str:
    """Return sha256 of images' shape and bytes and of anything else whose text should count."""
    digest = hashlib.sha256(repr((images.shape, facts)).encode())
    for start in range(0, len(images), 4096):
        digest.update(np.ascontiguousarray(images[start : start + 4096]).data)
    return digest.hexdigest()


@torch.inference_mode()
def extract(images: np.ndarray, extractor: Extractor, settings: EvaluationSettings) -> np.ndarray:
    """Extract features and keep none: uint8 (N, H, W, C) to float32 (N, D)."""
    device = find_device(settings.device)
    extractor.network.to(device)
    parts = []
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):  # 10 bits are not what a CPU computes
        for start in range(0, len(images), settings.batch_size):
            batch = torch.from_numpy(np.array(images[start : start + settings.batch_size])).to(device)
            found = extractor.embed(batch.permute(0, 3, 1, 2).expand(-1, 3, -1, -1))
            parts.append(found.float().cpu().numpy())
    return np.concatenate(parts)
