"""Everything that is measured of a sample set."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from gencompare.evaluation import memorisation
from gencompare.evaluation.agreement import agrees
from gencompare.evaluation.bench import Bench, Measurement
from gencompare.evaluation.distances import frechet, frechet_at_infinity, kernel_distance
from gencompare.evaluation.extractors import Inception
from gencompare.evaluation.fidelity import LIMIT, fidelity_and_diversity
from gencompare.evaluation.resampling import Subsets, mean
from gencompare.evaluation.square_scores import square_statistic
from gencompare.imagesets.arrays import Images


def against_reference(samples: Images, bench: Bench) -> list[Measurement]:
    """What holds samples against the reference split: distances, fidelity and diversity, squares."""
    extractor, k, split = bench.extractor, bench.settings.nearest_k, bench.settings.reference_split
    made, real = bench.features(samples), bench.features(bench.drawn(split))
    kind = "fid" if isinstance(extractor, Inception) else "fd"

    def distances(over: Subsets) -> dict[str, np.ndarray]:
        found = {kind: frechet(made, real, over), "kid": kernel_distance(made, real, over)}
        if len(made) >= 2 * made.shape[1]:
            # to first order the extrapolated distance scatters as the distance
            bias = found[kind][0] - frechet_at_infinity(made, real, bench.settings.seed)
            found[f"{kind}_inf"] = found[kind] - bias
        return found

    shares = partial(fidelity_and_diversity, made[:LIMIT], real[:LIMIT], k)
    by, name, n = extractor.passport(), extractor.name, len(samples)
    found = [
        Measurement(distances, by, split, name, n),
        Measurement(shares, by, split, name, min(n, LIMIT)),
    ]
    if isinstance(extractor, Inception):
        inception_scores = partial(_inception_scores, extractor.probabilities(made))
        found.append(Measurement(inception_scores, by, split, name, n))
    if bench.splits.card["name"] == "squares":
        found.append(Measurement(*square_statistic(samples.images, bench.splits, split), split, "", n))
    return found


def against_training(
    samples: Images, bench: Bench, near: memorisation.Neighbours, limit: float
) -> list[Measurement]:
    """What holds samples against the training split: memorisation, and class agreement where there are labels.

    Args:
        samples: the samples.
        bench: what they are measured on.
        near: their neighbours among the training images.
        limit: relative distance below which a sample counts as memorised.
    """
    by = {**memorisation.MEASURED_BY, "memorised_below": float(f"{limit:.6g}")}
    found = [_share("memorised", near.relative < limit, by, "pixels")]
    train = bench.drawn("train")
    if samples.labels is not None and train.labels is not None:
        agree = agrees(bench.features(samples), samples.labels, bench.features(train), train.labels)
        found.append(_share("class_agreement", agree, bench.extractor.passport(), bench.extractor.name))
    return found


def _share(kind: str, true: np.ndarray, by: Mapping[str, Any], suffix: str) -> Measurement:
    return Measurement(lambda over: {kind: mean(true, over)}, by, "train", suffix, len(true))


def _inception_scores(probabilities: np.ndarray, over: Subsets) -> dict[str, np.ndarray]:
    return {"is": np.array([inception_score(probabilities[chosen]) for chosen in over])}


def inception_score(probabilities: np.ndarray) -> float:
    """Exponential of the mean divergence of each image's class probabilities from their mean, over all images.

    Args:
        probabilities: float64 (N, classes), rows sum to 1.

    Source: Salimans et al., "Improved techniques for training GANs" (2016), section 4; one split.
    """
    marginal = probabilities.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(probabilities > 0, probabilities * np.log(probabilities / marginal), 0.0)
    return float(np.exp(terms.sum(axis=1).mean()))
