"""Score a saved sample set: everything that can be said of it, each number with its interval and passport."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gencompare.evaluation import memorisation
from gencompare.evaluation.distances import frechet, kernel_distance
from gencompare.evaluation.features import Extractor, content_hash, features, make_extractor
from gencompare.evaluation.fidelity import LIMIT, fidelity_and_diversity
from gencompare.evaluation.passport import passport, short
from gencompare.evaluation.resampling import NORMAL_95, Statistic, deviation, mean, subsets
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.evaluation.square_scores import square_statistic
from gencompare.imagesets.arrays import Images, ImageSplits
from gencompare.typed import SettingError

Scores = dict[str, dict[str, Any]]

FEWEST = 16
DIGITS = 6
LOWER_IS_BETTER = {"fd", "fid", "kid", "memorised"}
MEASURES = {
    "fd": "quality",
    "fid": "quality",
    "kid": "quality",
    "precision": "fidelity",
    "density": "fidelity",
    "recall": "diversity",
    "coverage": "diversity",
    "memorised": "memorisation",
    "squares_valid": "quality",
    "squares_coverage": "diversity",
}


def describe_reference(splits: ImageSplits, settings: EvaluationSettings, cache: Path) -> dict[str, Any]:
    """Work out what scores on an image set are placed against, once; JSON-ready.

    Returns:
        `n`; `floor`: scores of real images, those of the other split, at the same n (for `memorised`: of
        held-out images); `ceiling`: scores of uniform noise; `memorised_below`: the threshold of the
        memorisation score.

    Raises:
        SettingError: if there are too few real images.
    """
    n = comparable(splits, settings)
    key = content_hash(np.zeros((0,)), "reference", _facts(splits, settings, n))
    return _once(cache / "reference" / f"{key}.json", lambda: _describe(splits, settings, cache, n))


def score(
    samples: Images, splits: ImageSplits, reference: dict[str, Any], settings: EvaluationSettings, cache: Path
) -> dict[str, Any]:
    """Score saved samples; JSON-ready and the same for the same input.

    Args:
        samples: the saved samples; the first n count.
        splits: the image set they imitate.
        reference: from `describe_reference`, with the same splits and settings.
        settings: how to score.
        cache: folder for features and scores, by content.

    Returns:
        `n`; `scores`: {name: {value, low, high, standard_error, better, measures, passport}}; `neighbours`:
        {samples, nearest, relative_distance}, the samples most like copies and the indices of the training
        images nearest to each.

    Raises:
        SettingError: if the samples are not of the image set's shape, or too few.
    """
    _check_shape(samples, splits)
    n = comparable(splits, settings, len(samples))
    first = _first(samples, n)
    key = content_hash(first.images, first.labels, _facts(splits, settings, n), reference["memorised_below"])
    return _once(
        cache / "scores" / f"{key}.json",
        lambda: _score(first, splits, settings, cache, reference["memorised_below"]),
    )


def comparable(splits: ImageSplits, settings: EvaluationSettings, samples: int | None = None) -> int:
    """How many images are compared: as many as asked, as far as there are real and made ones."""
    counts = {"train": len(splits.train), "heldout": len(splits.heldout)}
    if samples is not None:
        counts["samples"] = samples
    fewest = min(counts, key=lambda name: counts[name])
    if counts[fewest] < FEWEST:
        raise SettingError(
            f"evaluation.samples={settings.samples}: {counts[fewest]} images in {fewest} are too few to score; "
            f"at least {FEWEST} are needed"
        )
    return min(settings.samples, *counts.values())


def _describe(splits: ImageSplits, settings: EvaluationSettings, cache: Path, n: int) -> dict[str, Any]:
    held = _drawn(splits.heldout, n, settings.seed)
    found = memorisation.neighbours(held.images, splits.train)
    limit = memorisation.threshold(found.relative[: n // 2])
    other = splits.heldout if settings.reference_split == "train" else splits.train
    floor = _score(_drawn(other, n, settings.seed), splits, settings, cache, limit)
    unseen = {"memorised": np.array(found.relative[n // 2 :] < limit)}
    name = f"memorised_pixels_{short(n)}"
    floor["scores"][name] |= _interval(
        lambda over: {"memorised": mean(unseen["memorised"], over)}, n - n // 2, settings
    )["memorised"]
    noise = np.random.default_rng(settings.seed).integers(
        0, 256, (n, *splits.train.images.shape[1:]), np.uint8
    )
    ceiling = _score(Images(noise, held.labels), splits, settings, cache, limit)
    return {"n": n, "memorised_below": limit, "floor": floor, "ceiling": ceiling}


def _score(
    samples: Images, splits: ImageSplits, settings: EvaluationSettings, cache: Path, memorised_below: float
) -> dict[str, Any]:
    n = len(samples)
    extractor = make_extractor(settings)
    scores = _feature_scores(samples, splits, settings, cache, extractor)
    found = memorisation.neighbours(samples.images, splits.train)
    copies = found.relative < memorised_below
    scores |= _named(
        lambda over: {"memorised": mean(copies, over)},
        f"_pixels_{short(n)}",
        passport(memorisation.MEASURED_BY, n, splits, settings),
        n,
        settings,
    )
    if splits.card["name"] == "squares":
        statistic, measured_by = square_statistic(samples.images, splits)
        scores |= _named(statistic, "", passport(measured_by, n, splits, settings), n, settings)
    return {"n": n, "scores": scores, "neighbours": memorisation.panels(found)}


def _feature_scores(
    samples: Images, splits: ImageSplits, settings: EvaluationSettings, cache: Path, extractor: Extractor
) -> Scores:
    n = len(samples)
    real = _drawn(getattr(splits, settings.reference_split), n, settings.seed)
    made_features = features(samples.images, extractor, settings, cache)
    real_features = features(real.images, extractor, settings, cache)

    def distances(over: list[np.ndarray]) -> dict[str, np.ndarray]:
        return {
            "fd": frechet(made_features, real_features, over),
            "kid": kernel_distance(made_features, real_features, over),
        }

    def shares(over: list[np.ndarray]) -> dict[str, np.ndarray]:
        return fidelity_and_diversity(made_features[:LIMIT], real_features[:LIMIT], settings.nearest_k, over)

    suffix = f"_{extractor.name}_{short(n)}"
    stamp = passport(extractor.passport(), n, splits, settings)
    return _named(distances, suffix, stamp, n, settings) | _named(
        shares,
        f"_{extractor.name}_{short(min(n, LIMIT))}",
        stamp | {"n": min(n, LIMIT)},
        min(n, LIMIT),
        settings,
    )


def _named(
    statistic: Statistic, suffix: str, stamp: dict[str, Any], n: int, settings: EvaluationSettings
) -> Scores:
    return {
        f"{kind}{suffix}": numbers
        | {
            "better": "lower" if kind in LOWER_IS_BETTER or kind.endswith("_distance") else "higher",
            "kind": kind,
            "measures": MEASURES.get(kind, "diversity"),
            "passport": stamp,
        }
        for kind, numbers in _interval(statistic, n, settings).items()
    }


def _interval(statistic: Statistic, n: int, settings: EvaluationSettings) -> dict[str, dict[str, float]]:
    """Value, 95% interval and standard error of each number of a statistic."""
    found = {}
    for kind, values in statistic(subsets(n, settings.bootstrap, settings.seed)).items():
        value, error = float(values[0]), deviation(values)
        found[kind] = {
            "value": _rounded(value),
            "low": _rounded(value - NORMAL_95 * error),
            "high": _rounded(value + NORMAL_95 * error),
            "standard_error": _rounded(error),
        }
    return found


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _first(images: Images, n: int) -> Images:
    return Images(np.asarray(images.images[:n]), None if images.labels is None else images.labels[:n])


def _drawn(images: Images, n: int, seed: int) -> Images:
    """Draw n images at random without replacement, in their order."""
    chosen = np.sort(np.random.default_rng(seed).permutation(len(images))[:n])
    return Images(images.images[chosen], None if images.labels is None else images.labels[chosen])


def _check_shape(samples: Images, splits: ImageSplits) -> None:
    wanted, given = splits.train.images.shape[1:], samples.images.shape[1:]
    if wanted != given:
        raise SettingError(
            f"samples: {given[0]} x {given[1]} with {given[2]} channels, but {splits.card['name']} is prepared "
            f"as {wanted[0]} x {wanted[1]} with {wanted[2]}; prepare it at the samples' resolution"
        )


def _facts(splits: ImageSplits, settings: EvaluationSettings, n: int) -> str:
    """Everything but the samples that scores depend on, this code included."""
    here = Path(__file__).parent
    code = [content_hash(np.frombuffer(path.read_bytes(), np.uint8)) for path in sorted(here.glob("*.py"))]
    extractor = make_extractor(settings).passport()
    return json.dumps([passport(extractor, n, splits, settings), splits.card["sha256"], code], sort_keys=True)


def _once(path: Path, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Read a JSON file, or compute and write it."""
    if not path.is_file():
        text = json.dumps(compute(), indent=1)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
