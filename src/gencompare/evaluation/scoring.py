"""Score saved sample sets, and the real images and the noise that scores are placed between."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from gencompare.config.typed import SettingError
from gencompare.evaluation import memorisation
from gencompare.evaluation.bench import Bench, rows, sources
from gencompare.evaluation.blindness import blind, coarse
from gencompare.evaluation.features import content_hash
from gencompare.evaluation.measurements import against_reference, against_training, of_reconstructions
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.files import read_json, read_sound, write_json
from gencompare.imagesets.arrays import Images, ImageSplits, drawn
from gencompare.provenance import COUNTS_WITH
from gencompare.source_code import code_hash

FEWEST = 16


def describe_reference(
    splits: ImageSplits, settings: EvaluationSettings, cache: Path, samples: int | None = None
) -> dict[str, Any]:
    """Work out what scores on an image set are placed against, once for each content; JSON-ready.

    The real images that are scored are those of the other split where samples are held against the reference
    split, held-out ones where samples are held against training images (memorisation, class agreement).

    Args:
        splits: the image set.
        settings: how to score.
        cache: folder for features and scores, by content.
        samples: how many there are to be scored, where they may be fewer than the settings ask for.

    Returns:
        `n`; `real_images`, `noise` (uniform) and `blurred` (real images, fourfold), each as `score` returns them;
        `blind`: names of the scores that do not find both of the latter surely worse than real images;
        `memorised_below`: the relative distance that few held-out images fall below.

    Raises:
        SettingError: if there are too few real images, or the extractor's weights cannot be had.
    """
    bench = Bench(splits, settings, cache, comparable(splits, settings, samples))
    key = content_hash(np.empty(0), _facts(bench))
    return _once(cache / "reference" / f"{key}.json", lambda: _describe(bench))


def score(
    samples: Images,
    splits: ImageSplits,
    reference: dict[str, Any],
    settings: EvaluationSettings,
    cache: Path,
    reconstruction: Sequence[float] = (),
) -> dict[str, Any]:
    """Score saved samples; JSON-ready, and on a CPU the same bytes for the same input.

    Args:
        samples: the saved samples; of more than n, n count, drawn at random and always the same.
        splits: the image set they imitate.
        reference: from `describe_reference`, with the same splits and settings.
        settings: how to score.
        cache: folder for features and scores, by content.
        reconstruction: of a contender that can lead images to its noise or code and back, the mean squared error of
            each of some held-out ones, of pixels in [0, 1].

    Returns:
        `n`; `scores`: {name: {value, low, high, standard_error, kind, biased (n is too small for it to be
        headlined), blind (it does not tell faulty sets from real images here), better (lower or higher), measures
        (see KINDS), distinct (how many different samples), passport}}, first the one to rank by; `neighbours`: the
        samples most like copies, and for each the indices of the nearest training images and how near (see
        memorisation).

    Raises:
        SettingError: if the samples are not of the image set's shape, or too few.
    """
    _check_shape(samples, splits)
    bench = Bench(splits, settings, cache, comparable(splits, settings, len(samples)))
    chosen = drawn(bench.n, len(samples))
    some = rows(samples, chosen)
    limit = reference["memorised_below"]
    key = content_hash(
        some.images, None if some.labels is None else some.labels.tolist(), limit, _facts(bench)
    )
    scored = _once(cache / "scores" / f"{key}.json", lambda: _score(some, some, bench, limit))
    scored["neighbours"]["samples"] = chosen[scored["neighbours"]["samples"]].tolist()
    for name, one in scored["scores"].items():
        one["blind"] = name in reference["blind"]
    if len(reconstruction):
        scored["scores"] |= of_reconstructions(np.array(reconstruction)).scores(bench)
    return scored


def comparable(splits: ImageSplits, settings: EvaluationSettings, samples: int | None = None) -> int:
    """How many images are compared: as many as asked, as far as there are so many real and made ones.

    Real images made from one photo count once: 29 photos that stand 1,000 times are 29.

    Raises:
        SettingError: if that is too few.
    """
    counts = {
        "distinct train images": len(np.unique(sources(splits.train))),
        "distinct held-out images": len(np.unique(sources(splits.heldout))),
    }
    if samples is not None:
        counts["samples"] = samples
    fewest = min(counts, key=lambda name: counts[name])
    least = max(FEWEST, 2 * settings.nearest_k + 2)
    if min(settings.samples, counts[fewest]) < least:
        raise SettingError(
            f"evaluation.samples={settings.samples}: there are {counts[fewest]} {fewest}; "
            f"scoring needs at least {least} of each; give more images, or hold out another share of them"
        )
    return min(settings.samples, counts[fewest])


def _describe(bench: Bench) -> dict[str, Any]:
    seen, held = bench.drawn("train"), bench.drawn("heldout")
    limit = memorisation.threshold(memorisation.neighbours(held.images, bench.splits.train).relative)
    shape = (bench.n, *bench.splits.train.images.shape[1:])
    noise = Images(np.random.default_rng(bench.settings.seed).integers(0, 256, shape, np.uint8), held.labels)
    other = seen if bench.settings.reference_split == "heldout" else held
    sets = {
        "real_images": (other, held),
        "noise": (noise, noise),
        "blurred": (_blurred(other), _blurred(held)),
    }
    found = {name: _score(*images, bench, limit) for name, images in sets.items()}
    real, *faulty = (one["scores"] for one in found.values())
    return {"n": bench.n, "memorised_below": limit, "blind": blind(real, faulty), **found}


def _blurred(images: Images) -> Images:
    return Images(coarse(images.images), images.labels)


def _score(to_reference: Images, to_training: Images, bench: Bench, limit: float) -> dict[str, Any]:
    """Score images against the reference split and against the training split; for samples, both the same."""
    near = memorisation.neighbours(to_training.images, bench.splits.train)
    measured = against_reference(to_reference, bench) + against_training(to_training, bench, near, limit)
    scores = {name: one for measurement in measured for name, one in measurement.scores(bench).items()}
    return {"n": bench.n, "scores": scores, "neighbours": memorisation.panels(near)}


def _check_shape(samples: Images, splits: ImageSplits) -> None:
    wanted, given = splits.train.images.shape[1:], samples.images.shape[1:]
    if wanted != given:
        raise SettingError(
            f"samples: are {given[0]} x {given[1]} with {given[2]} channels, but {splits.card['name']} is prepared "
            f"as {wanted[0]} x {wanted[1]} with {wanted[2]}; prepare it at the samples' resolution"
        )


def _facts(bench: Bench) -> str:
    """Everything but the samples that scores depend on, the code and libraries that are reached from here included."""
    versions = {name: version(name) for name in (*COUNTS_WITH, "opencv-python-headless")}
    made_by = [code_hash(frozenset({__name__})), versions]
    by = {extractor.name: extractor.passport() for extractor in bench.extractors}
    stamp = bench.passport(by, bench.n, bench.settings.reference_split)
    return json.dumps([stamp, bench.splits.card["sha256"], made_by], sort_keys=True)


def _once(path: Path, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Read a JSON file, or compute and write it."""
    found = read_sound(path, read_json)
    if found is None:
        write_json(path, compute())
        found = read_json(path)
    return found
