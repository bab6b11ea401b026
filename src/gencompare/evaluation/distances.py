"""Distances between two clouds of features: Fréchet and kernel.

Both take the reference once and any number of sample subsets, so that intervals cost little.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg

from gencompare.evaluation.resampling import Subsets

BLOCK = 1024
PAIRS = 12  # of halves, to extrapolate from


def frechet(samples: np.ndarray, reference: np.ndarray, over: Subsets) -> np.ndarray:
    """Squared Fréchet (2-Wasserstein) distance of the Gaussians of two feature clouds, for each subset of the samples.

    The trace of the root of the covariances' product is the sum of the roots of its eigenvalues, which are
    real and not negative, so no matrix root is taken. Works in the smaller of feature and sample space, so
    fewer samples than dimensions are exact and fast.

    Args:
        samples: (N, D) features.
        reference: (M, D) features.
        over: index arrays into the samples.

    Returns:
        float64 (len(over),), not negative but for rounding.

    Source: Dowson and Landau, "The Fréchet distance between multivariate normal distributions" (1982),
        equation 4; as a score, Heusel et al., "GANs trained by a two time-scale update rule" (2017), eq. 6.
    """
    samples, reference = samples.astype(np.float64), reference.astype(np.float64)
    centre = reference.mean(axis=0)
    samples, reference = samples - centre, reference - centre
    # rows of `crossed` are samples in a basis where the reference's covariance is the identity's
    scaled = reference / np.sqrt(len(reference) - 1)
    factor = scaled if len(reference) <= reference.shape[1] else _root(scaled.T @ scaled).T
    crossed = samples @ factor.T
    reference_trace = float(np.sum(scaled**2))
    return np.array([_frechet_once(samples[s], crossed[s], reference_trace) for s in over])


def _frechet_once(samples: np.ndarray, crossed: np.ndarray, reference_trace: float) -> float:
    n = len(samples)
    mean = samples.mean(axis=0)
    trace = (np.sum(samples**2) - n * (mean @ mean)) / (n - 1)
    crossed = (crossed - crossed.mean(axis=0)) / np.sqrt(n - 1)
    gram = crossed @ crossed.T if n <= crossed.shape[1] else crossed.T @ crossed
    return float(mean @ mean + trace + reference_trace - 2 * _sum_of_roots(np.linalg.eigvalsh(gram)))


def frechet_at_infinity(samples: np.ndarray, reference: np.ndarray, seed: int) -> float:
    """Squared Fréchet distance extrapolated to infinitely many images on both sides.

    The distance of n images is too large by a bias that falls as 1/n. Halves of both sides have twice that
    bias, so it is the difference between their mean distance and that of the whole.

    Args:
        samples: (N, D) features; the bias falls as 1/n only from N = 2 D on.
        reference: (M, D) features, M >= 2 D.
        seed: of the halves.

    Source: Chong and Forsyth, "Effectively unbiased FID" (2020), with Richardson's two points for their line.
    """
    rng = np.random.default_rng(seed)
    halves = []
    for _ in range(PAIRS):
        half = rng.permutation(len(samples))[: len(samples) // 2]
        other = rng.permutation(len(reference))[: len(reference) // 2]
        halves.append(frechet(samples, reference[other], [half])[0])
    whole = frechet(samples, reference, [np.arange(len(samples))])[0]
    return float(2 * whole - np.mean(halves))


def kernel_distance(samples: np.ndarray, reference: np.ndarray, over: Subsets) -> np.ndarray:
    """Unbiased squared maximum mean discrepancy with the cubic kernel (x·y / D + 1)³, for each subset.

    All pairs are used, not the mean over random subsets of 1,000: the same expectation, less scatter.
    It may be negative where the two clouds are alike.

    Args:
        samples: (N, D) features.
        reference: (M, D) features.
        over: index arrays into the samples.

    Returns:
        float64 (len(over),).

    Source: Bińkowski et al., "Demystifying MMD GANs" (2018), section 4.
    """
    samples, reference = samples.astype(np.float64), reference.astype(np.float64)
    member = np.zeros((len(over), len(samples)))
    for row, chosen in zip(member, over, strict=True):
        row[chosen] = 1.0
    n, m = member.sum(axis=1), len(reference)
    own, across = np.zeros(len(over)), np.zeros(len(over))
    for start in range(0, len(samples), BLOCK):
        stop = start + BLOCK
        among = _cubic(samples[start:stop], samples)
        np.fill_diagonal(among[:, start:stop], 0.0)
        own += np.einsum("bi,bi->b", member[:, start:stop], member @ among.T)
        across += member[:, start:stop] @ _cubic(samples[start:stop], reference).mean(axis=1)
    others = sum(_without_diagonal(reference, s) for s in range(0, m, BLOCK)) / (m * (m - 1))
    return own / (n * (n - 1)) + others - 2 * across / n


def _without_diagonal(points: np.ndarray, start: int) -> float:
    among = _cubic(points[start : start + BLOCK], points)
    np.fill_diagonal(among[:, start : start + BLOCK], 0.0)
    return float(among.sum())


def _cubic(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a @ b.T / a.shape[1] + 1.0) ** 3


def _root(covariance: np.ndarray) -> np.ndarray:
    """Return F (D, r) with F Fᵀ = covariance, r its numerical rank: Cholesky's, with pivots."""
    packed, pivots, rank, _ = scipy.linalg.lapack.dpstrf(covariance, lower=1)
    root = np.empty((len(covariance), rank))
    root[pivots - 1] = np.tril(packed)[:, :rank]
    return root


def _sum_of_roots(eigenvalues: np.ndarray) -> float:
    return float(np.sqrt(np.clip(eigenvalues, 0.0, None)).sum())
