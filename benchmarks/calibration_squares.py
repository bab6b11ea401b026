"""Calibrate the default extractor's Fréchet distance on squares, whose faults can be measured exactly.

Grades sample sets of squares by one fault each, scores them as a comparison does, and correlates the Fréchet
distance with the exact square scores (Spearman). Writes docs/evaluation_calibration.png and prints the table
that docs/evaluation.md holds.

    python benchmarks/calibration_squares.py [--samples 1000]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from gencompare.evaluation.scoring import describe_reference, score
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.imagesets.arrays import Images, ImageSplits
from gencompare.imagesets.squares import Squares
from gencompare.imagesets.storage import read, write

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

FIGURE = Path(__file__).parents[1] / "docs" / "evaluation_calibration.png"
SEED = 1  # of the graded sets; the reference has another
PICTURES = ("blur", "noise", "discs among them", "static among them")
FACTORS = ("colours cut", "sides cut", "angles cut", "places drawn in", "few distinct")


def graded(n: int) -> dict[str, dict[str, np.ndarray]]:
    """Sample sets by their fault, each in growing grades; the first of all are real squares."""
    real = made(n)
    static = np.random.default_rng(SEED).integers(0, 256, real.shape, np.uint8)
    shortest, longest = Squares().side
    return {
        "real": {"as real": real},
        "blur": {f"{s} px": blurred(real, s) for s in (0.5, 0.8, 1.1, 1.5, 2, 3)},
        "noise": {f"sd {s}": with_noise(real, s) for s in (5, 10, 20, 40, 80)},
        "discs among them": {f"{share:.0%}": mixed(real, discs(n), share) for share in (0.1, 0.3, 0.6, 1.0)},
        "static among them": {
            f"{share:.0%}": mixed(real, static, share) for share in (0.03, 0.1, 0.3, 0.6, 1.0)
        },
        "colours cut": {f"at {c}": made(n, colour=(0.3, c)) for c in (0.9, 0.7, 0.5)},
        "sides cut": {
            f"{part:.0%}": made(n, side=(shortest, shortest + part * (longest - shortest)))
            for part in (0.8, 0.5, 0.2)
        },
        "angles cut": {f"at {a:.0f}°": made(n, angle=(0.0, a)) for a in (75.0, 45.0, 10.0)},
        "places drawn in": {f"to {s}": made(n, spread=s) for s in (0.8, 0.5, 0.1)},
        "few distinct": {f"{modes}": np.resize(real[:modes], real.shape) for modes in (300, 100, 30, 10)},
    }


def blurred(images: np.ndarray, sigma: float) -> np.ndarray:
    return np.stack([cv2.GaussianBlur(image, (0, 0), sigma) for image in images])


def made(n: int, **settings: object) -> np.ndarray:
    return Squares(count=n, seed=SEED, **settings).draw("train", 0, n).images


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
    """Score every set: one row each, with its exact errors."""
    settings = EvaluationSettings(samples=n, bootstrap=40)
    reference = describe_reference(splits, settings, cache)
    rows = []
    for fault, grades in sets.items():
        for grade, images in grades.items():
            scores = score(Images(images), splits, reference, settings, cache)["scores"]
            rows.append(
                {"fault": fault, "grade": grade} | {one["kind"]: one["value"] for one in scores.values()}
            )
    found = pd.DataFrame(rows)
    distances = [f"squares_{factor}_distance" for factor in ("colour", "side", "angle", "place")]
    found["invalid"] = 1 - found["squares_valid"]
    found["factors"] = found[distances].mean(axis=1)
    found["error"] = 1 - found["squares_valid"] * (1 - found["factors"]) * found["squares_coverage"]
    return found


def correlations(found: pd.DataFrame) -> dict[str, tuple[float, int]]:
    """Spearman's correlation of the Fréchet distance with what is exactly known, and over how many sets."""
    real = found["fault"] == "real"
    chosen = {fault: found[real | (found["fault"] == fault)] for fault in found["fault"].unique()[1:]}
    told = {f"grade, {fault}": (rows["fd"], np.arange(len(rows))) for fault, rows in chosen.items()}
    pictures, factors = (found[real | found["fault"].isin(kind)] for kind in (PICTURES, FACTORS))
    told["share of invalid squares, pictures at fault"] = (pictures["fd"], pictures["invalid"])
    told["error in factors, factors at fault"] = (factors["fd"], factors["error"])
    told["exact error, all"] = (found["fd"], found["error"])
    told["exact error, all, KID instead"] = (found["kid"], found["error"])
    return {name: (float(spearmanr(*pair).statistic), len(pair[0])) for name, pair in told.items()}


def drawn(found: pd.DataFrame, told: dict[str, tuple[float, int]]) -> None:
    """Draw the Fréchet distance over what is exactly wrong, a line a fault."""
    figure, axes = plt.subplots(1, 2, figsize=(9.6, 4.2), dpi=100)
    panels = (
        (
            PICTURES,
            "invalid",
            "share of samples that are not one square",
            "share of invalid squares, pictures at fault",
        ),
        (FACTORS, "error", "1 − (1 − factor distance) · coverage", "error in factors, factors at fault"),
    )
    real = found[found["fault"] == "real"]
    for axis, (faults, column, label, name) in zip(axes, panels, strict=True):
        for fault, marker in zip(faults, "osD^v", strict=False):
            rows = pd.concat([real, found[found["fault"] == fault]])
            axis.plot(rows[column], rows["fd"], marker=marker, ms=5, lw=1, label=fault)
        axis.set(yscale="log", xlabel=label, title=f"{told[name][1]} sets: Spearman {told[name][0]:.2f}")
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False, fontsize=8)
    axes[0].set_ylabel("Fréchet distance, default extractor")
    figure.tight_layout()
    figure.savefig(FIGURE)


def main() -> None:
    """Measure, draw and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=1000)
    n = parser.parse_args().samples
    FIGURE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        write(Squares(count=n, heldout=n).prepare(), Path(folder))
        found = measured(graded(n), read(Path(folder)), n, Path(folder) / "cache")
    told = correlations(found)
    drawn(found, told)
    columns = ["fault", "grade", "fd", "kid", "squares_valid", "factors", "squares_coverage", "error"]
    print(found[columns].to_string(index=False, float_format="%.3f"))  # noqa: T201
    for name, (rho, count) in told.items():
        print(f"Spearman with {name} ({count} sets): {rho:.3f}")  # noqa: T201


if __name__ == "__main__":
    main()
