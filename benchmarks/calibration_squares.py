"""Calibrate the default extractor's Fréchet distance on squares, whose faults can be measured exactly.

Grades sample sets of squares by one fault each, scores them as a comparison does, and correlates the Fréchet
distance with the exact square scores (Spearman). Writes docs/evaluation_calibration.png and prints the table
that docs/evaluation.md holds.

    python benchmarks/calibration_squares.py [--samples 1000]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from gencompare.evaluation import EvaluationSettings, describe_reference, score
from gencompare.imagesets.arrays import Images, ImageSplits
from gencompare.imagesets.squares import Squares
from gencompare.imagesets.storage import read, write

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

FIGURE = Path(__file__).parents[1] / "docs" / "evaluation_calibration.png"
SEED = 1  # of the graded sets; the reference has another
Change = Callable[[np.ndarray], np.ndarray]


def graded(n: int) -> dict[str, dict[str, np.ndarray]]:
    """Sample sets by what is wrong with them: `picture` (not a square) or `factors` (not the generator's)."""
    real = made(n)
    noise = np.random.default_rng(SEED).integers(0, 256, real.shape, np.uint8)
    pictures = {
        f"blur {s}": each(real, lambda image, s=s: cv2.GaussianBlur(image, (0, 0), s))
        for s in (0.5, 0.8, 1.1, 1.5, 2, 3)
    }
    pictures |= {f"noise {s}": with_noise(real, s) for s in (5, 10, 20, 40, 80)}
    pictures |= {f"{share:.0%} discs": mixed(real, discs(n), share) for share in (0.1, 0.3, 0.6, 1.0)}
    pictures |= {f"{share:.0%} static": mixed(real, noise, share) for share in (0.03, 0.1, 0.3, 0.6, 1.0)}
    factors = {f"colour to {c}": made(n, colour=(0.3, c)) for c in (0.9, 0.7, 0.5)}
    factors |= {f"sides' lower {part:.0%}": made(n, side=lower_part(part)) for part in (0.8, 0.5, 0.2)}
    factors |= {f"angle to {a}": made(n, angle=(0.0, a)) for a in (75.0, 45.0, 10.0)}
    factors |= {f"spread {s}": made(n, spread=s) for s in (0.8, 0.5, 0.1)}
    factors |= {f"{modes} modes": np.resize(real[:modes], real.shape) for modes in (300, 100, 30, 10)}
    return {"picture": {"as real": real} | pictures, "factors": factors}


def lower_part(share: float) -> tuple[float, float]:
    """The lower part of the generator's range of sides."""
    shortest, longest = Squares().side
    return shortest, shortest + share * (longest - shortest)


def made(n: int, **settings: object) -> np.ndarray:
    return Squares(count=n, seed=SEED, **settings).draw("train", 0, n).images


def each(images: np.ndarray, change: Change) -> np.ndarray:
    return np.stack([change(image) for image in images])


def with_noise(images: np.ndarray, deviation: float) -> np.ndarray:
    noise = np.random.default_rng(SEED).normal(0, deviation, images.shape)
    return np.clip(np.rint(images + noise), 0, 255).astype(np.uint8)


def mixed(images: np.ndarray, others: np.ndarray, share: float) -> np.ndarray:
    replaced = round(share * len(images))
    return np.concatenate([others[:replaced], images[replaced:]])


def discs(n: int) -> np.ndarray:
    """Discs with the places, areas and colours of squares."""
    squares = Squares(count=n, seed=SEED).draw("train", 0, n)
    images = np.zeros_like(squares.images)
    for i in range(n):
        canvas = np.zeros((256, 256), np.uint8)
        x, y = np.rint(8 * squares.factors["centre"][i]).astype(int)
        cv2.circle(canvas, (int(x), int(y)), int(8 * squares.factors["side"][i] / np.sqrt(np.pi)), 255, -1)
        cover = cv2.resize(canvas, (32, 32), interpolation=cv2.INTER_AREA)
        images[i] = np.rint(cover[..., None] * squares.factors["colour"][i])
    return images


def measured(
    sets: dict[str, dict[str, np.ndarray]], splits: ImageSplits, n: int, cache: Path
) -> pd.DataFrame:
    """Score every set: one row each."""
    settings = EvaluationSettings(samples=n, bootstrap=40)
    reference = describe_reference(splits, settings, cache)
    rows = []
    for fault, graded_sets in sets.items():
        for name, images in graded_sets.items():
            scores = score(Images(images), splits, reference, settings, cache)["scores"]
            rows.append(
                {"set": name, "fault": fault} | {one["kind"]: one["value"] for one in scores.values()}
            )
    found = pd.DataFrame(rows)
    names = [f"squares_{factor}_distance" for factor in ("colour", "side", "angle", "place")]
    found["factor_distance"] = found[names].mean(axis=1)
    found["exact_error"] = (
        1 - found["squares_valid"] * (1 - found["factor_distance"]) * found["squares_coverage"]
    )
    return found


def correlations(found: pd.DataFrame) -> dict[str, tuple[float, int]]:
    """Spearman's correlation of the Fréchet distance with exact scores, and over how many sets."""
    picture, factors = found[found["fault"] == "picture"], found[found["fault"] == "factors"]
    pairs = {
        "share of invalid squares, pictures at fault": (picture["fd"], 1 - picture["squares_valid"]),
        "factor distance, factors at fault": (
            factors["fd"],
            factors["factor_distance"] + 1 - factors["squares_coverage"],
        ),
        "exact error, all sets": (found["fd"], found["exact_error"]),
        "exact error, all sets, by KID": (found["kid"], found["exact_error"]),
    }
    return {name: (float(spearmanr(a, b).statistic), len(a)) for name, (a, b) in pairs.items()}


def drawn(found: pd.DataFrame, told: dict[str, tuple[float, int]]) -> None:
    rho, count = told["exact error, all sets"]
    figure, axes = plt.subplots(figsize=(7.2, 4.6), dpi=110)
    for fault, marker, colour in (("picture", "o", "#0072b2"), ("factors", "s", "#d55e00")):
        rows = found[found["fault"] == fault]
        label = "picture at fault" if fault == "picture" else "factors at fault"
        axes.scatter(rows["exact_error"], rows["fd"], marker=marker, c=colour, s=28, label=label)
        for _, row in rows.iterrows():
            axes.annotate(
                row["set"],
                (row["exact_error"], row["fd"]),
                fontsize=6.5,
                xytext=(4, 2),
                textcoords="offset points",
            )
    axes.set(
        yscale="log",
        xlabel="exact error: 1 − valid · (1 − factor distance) · coverage",
        ylabel="Fréchet distance, default extractor",
        title=f"{count} graded sets of squares: Spearman {rho:.2f}",
    )
    axes.legend(loc="lower right", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(FIGURE)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=1000)
    n = parser.parse_args().samples
    with tempfile.TemporaryDirectory() as folder:
        write(Squares(count=n, heldout=n).prepare(), Path(folder))
        found = measured(graded(n), read(Path(folder)), n, Path(folder) / "cache")
    told = correlations(found)
    drawn(found, told)
    columns = ["set", "fd", "kid", "squares_valid", "factor_distance", "squares_coverage", "exact_error"]
    print(found[columns].to_string(index=False, float_format="%.3f"))  # noqa: T201
    for name, (rho, count) in told.items():
        print(f"Spearman with {name} ({count} sets): {rho:.3f}")  # noqa: T201


if __name__ == "__main__":
    main()
