"""How fast scoring is: extraction, the Fréchet distance against a matrix root, 10,000 samples twice.

python benchmarks/scoring_speed.py [--samples 10000]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.linalg
from threadpoolctl import threadpool_limits
from turns import say

from gencompare.evaluation.distances import frechet
from gencompare.evaluation.features import features, make_extractor
from gencompare.evaluation.scoring import describe_reference, score
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.imagesets.arrays import Images
from gencompare.imagesets.squares import Squares
from gencompare.imagesets.storage import read, write

DIMENSIONS = 2048


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=10_000)
    n = parser.parse_args().samples
    with tempfile.TemporaryDirectory() as folder:
        extraction(Path(folder))
    for images in (DIMENSIONS + 100, DIMENSIONS // 2):
        matrix_root(images)
    with tempfile.TemporaryDirectory() as folder:
        twice(n, Path(folder))


def extraction(cache: Path) -> None:
    """Images a second through the default extractor."""
    images = np.random.default_rng(0).integers(0, 256, (512, 32, 32, 3), np.uint8)
    extractor, settings = make_extractor("efficientnet_lite0"), EvaluationSettings(device="cpu")
    features(images[:64], extractor, settings, cache)
    seconds, _ = timed(lambda: features(images, extractor, settings, cache))
    say(f"efficientnet_lite0: {len(images) / seconds:.0f} images/s")


def matrix_root(images: int) -> None:
    """CPU time of the Fréchet distance and of scipy's matrix root, one thread each."""
    mixing = np.random.default_rng(0).normal(size=(DIMENSIONS, DIMENSIONS))
    mixing /= np.sqrt(np.arange(1, DIMENSIONS + 1))[:, None]
    x, y = (np.random.default_rng(seed).normal(size=(images, DIMENSIONS)) @ mixing for seed in (1, 2))
    a, b, shift = np.cov(x.T), np.cov(y.T), x.mean(axis=0) - y.mean(axis=0)
    with threadpool_limits(1):
        ours, distance = timed(lambda: frechet(x, y, [np.arange(images)])[0], time.process_time)
        theirs, root = timed(lambda: scipy.linalg.sqrtm(a @ b), time.process_time)
    apart = distance / (shift @ shift + np.trace(a + b - 2 * root).real) - 1
    say(
        f"Fréchet distance at {DIMENSIONS} dimensions from {images} images: {ours:.2f} s of CPU, scipy's matrix root "
        f"{theirs:.2f} s, {theirs / ours:.0f} times as long; relative difference {apart:.1e}"
    )


def twice(n: int, folder: Path) -> None:
    """Score n saved images twice, as two runs of the same comparison would."""
    write(Squares(count=n, heldout=n).prepare(), folder)
    splits, settings = read(folder), EvaluationSettings(samples=n)
    made = Images(Squares(count=n, seed=1).draw("train", 0, n).images)
    seconds, reference = timed(lambda: describe_reference(splits, settings, folder / "cache"))
    say(f"reference at n = {n}: {seconds:.1f} s")
    for time_ in ("first", "second"):
        seconds, _ = timed(lambda: score(made, splits, reference, settings, folder / "cache"))
        say(f"{n} samples, the {time_} time: {seconds:.2f} s")


def timed(work: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> tuple[float, Any]:
    """Seconds that work takes, and what it returns."""
    started = clock()
    result = work()
    return clock() - started, result


if __name__ == "__main__":
    main()
