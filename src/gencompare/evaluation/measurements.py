"""Everything that is measured of a sample set."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from gencompare.evaluation import memorisation
from gencompare.evaluation.agreement import agrees
from gencompare.evaluation.bench import Bench, Measurement, distinct
from gencompare.evaluation.distances import frechet, frechet_at_infinity, kernel_distance
from gencompare.evaluation.extractors import Extractor, Inception
from gencompare.evaluation.fidelity import LIMIT, directions, fidelity_and_diversity
from gencompare.evaluation.learnt import Learnt
from gencompare.evaluation.resampling import Subsets, mean
from gencompare.evaluation.square_scores import square_statistic
from gencompare.imagesets.arrays import Images, drawn


def against_reference(samples: Images, bench: Bench) -> list[Measurement]:
    """What holds samples against the reference split: distances, fidelity and diversity, squares.

    The first is the one to rank by: the Fréchet distance, or the kernel distance where n is too small for it.
    """
    k, split, n = bench.settings.nearest_k, bench.settings.reference_split, len(samples)
    different = distinct(samples.images)
    extractor, *others = bench.extractors
    made, real = bench.features(samples), bench.features(bench.drawn(split))
    compared = drawn(LIMIT, n)
    shares = partial(fidelity_and_diversity, directions(made[compared]), directions(real[compared]), k)
    found = [
        _distances(samples, bench, extractor),
        Measurement(
            shares,
            {**extractor.passport(), "compared_by": "direction"},
            split,
            extractor.name,
            min(n, LIMIT),
            different,
        ),
        *(_distances(samples, bench, other) for other in others),
    ]
    if isinstance(extractor, Inception):
        inception_scores = partial(_inception_scores, extractor.probabilities(made))
        found.append(Measurement(inception_scores, extractor.passport(), split, extractor.name, n, different))
    if bench.splits.card["name"] == "squares":
        found.append(
            Measurement(*square_statistic(samples.images, bench.splits, split), split, "", n, different)
        )
    return found


def _distances(samples: Images, bench: Bench, extractor: Extractor) -> Measurement:
    """Fréchet and kernel distance by one extractor's features; first the one that n is large enough for.

    The Fréchet distance of n images is biased upward, by more the fewer they are, and not for all contenders alike.

    Source: Chong and Forsyth, "Effectively unbiased FID" (2020), section 3.
    """
    split, n = bench.settings.reference_split, len(samples)
    made, real = (bench.features(images, extractor) for images in (samples, bench.drawn(split)))
    enough = n >= 2 * made.shape[1]
    fd, kid, suffix = "fid" if isinstance(extractor, Inception) else "fd", "kid", extractor.name
    if isinstance(extractor, Learnt):
        fd, kid, suffix = "fd_learnt", "kid_learnt", extractor.learnt

    def distances(over: Subsets) -> dict[str, np.ndarray]:
        far, kernel = frechet(made, real, over), kernel_distance(made, real, over)
        if not enough:
            return {kid: kernel, fd: far}
        if isinstance(extractor, Learnt):
            return {fd: far, kid: kernel}
        # to first order the extrapolated distance scatters as the distance
        bias = far[0] - frechet_at_infinity(made, real, bench.settings.seed)
        return {fd: far, kid: kernel, f"{fd}_inf": far - bias}

    def over_real(over: Subsets) -> dict[str, np.ndarray]:
        return {kid: kernel_distance(real, made, over)}  # with its sides exchanged the distance is the same

    biased = () if enough else (fd,)
    return Measurement(distances, extractor.passport(), split, suffix, n, n, biased, over_real)


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
    different = distinct(samples.images)
    found = [_share("memorised", near.relative < limit, by, "pixels", different)]
    train = bench.drawn("train")
    if samples.labels is not None and train.labels is not None:
        agree = agrees(bench.features(samples), samples.labels, bench.features(train), train.labels)
        by = bench.extractor.passport()
        found.append(_share("class_agreement", agree, by, bench.extractor.name, different))
    return found


def of_reconstructions(errors: np.ndarray) -> Measurement:
    """How far a contender's reconstructions of held-out images are from them: the same ones, whatever its seed.

    Args:
        errors: of each image, the mean squared error of pixels in [0, 1].
    """
    n = len(errors)
    by = {"measures": "mean squared error", "through": "the contender's own noise or code"}

    def over_samples(over: Subsets) -> dict[str, np.ndarray]:
        return {"reconstruction_error": np.full(len(over), errors.mean())}

    def over_real(over: Subsets) -> dict[str, np.ndarray]:
        return {"reconstruction_error": mean(errors, over)}

    return Measurement(over_samples, by, "heldout", "", n, n, common=over_real)


def _share(kind: str, true: np.ndarray, by: Mapping[str, Any], suffix: str, different: int) -> Measurement:
    return Measurement(lambda over: {kind: mean(true, over)}, by, "train", suffix, len(true), different)


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
