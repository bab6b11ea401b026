"""Calibrate the default scores: what each says of sets whose faults are known.

`python benchmarks/calibration.py faults` gives every score of real images and of faulty sets, on squares, clothes,
birds, cars and pandas, and names each score that finds a faulty set better than real images.
`python benchmarks/calibration.py squares` grades sets of squares by one fault each and correlates the distances of both
extractors with the exact square scores (Spearman); it writes docs/evaluation_calibration.png.

    python benchmarks/calibration.py {faults,squares} [--samples 1000] [--images ../shared/data]
                                     [--clothes /usr/share/datasets/fashion-mnist] [--only birds ...]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pandas as pd
import torch
from scipy.stats import spearmanr
from turns import say

from gencompare.evaluation.bench import Bench
from gencompare.evaluation.blindness import coarse
from gencompare.evaluation.ranks import surely_better
from gencompare.evaluation.scoring import describe_reference, score
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.imagesets.arrays import Images, ImageSplits
from gencompare.imagesets.base import ImageSet
from gencompare.imagesets.cifar10 import CIFAR10
from gencompare.imagesets.cub200 import CUB200
from gencompare.imagesets.fashion_mnist import FashionMNIST
from gencompare.imagesets.panda_photos import Pandas
from gencompare.imagesets.squares import Squares
from gencompare.imagesets.storage import read, write
from gencompare.models import MODELS
from gencompare.models.parts.shape import ImageShape
from gencompare.sampling import SAMPLERS
from gencompare.sampling.images import sample

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

FIGURE = Path(__file__).parents[1] / "docs" / "evaluation_calibration.png"
SEED = 1  # of the graded sets; the reference has another
PICTURES = ("blur", "noise", "discs among them", "static among them")
MUST_BE_WORSE = ("uniform noise", "Gaussian noise", "blur 4x", "untrained DCGAN", "untrained VAE")
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


def image_sets(images: Path, clothes: Path) -> dict[str, ImageSet]:
    """The image sets, and those whose pictures are the wrong ones for others."""
    cifar = str(images / "cifar10_jpeg")
    return {
        "squares": Squares(count=10_000, heldout=2_000),
        "clothes": FashionMNIST(folder=str(clothes)),
        "birds": CUB200(folder=str(images / "CUB_200_2011"), crop_to_box=True),
        "cars": CIFAR10(folder=cifar, classes=("automobile",)),
        "pandas": Pandas(folder=str(images / "pandas"), count=25_000, heldout_count=1_000),
        "horses": CIFAR10(folder=cifar, classes=("horse",)),
    }


WRONG = {"squares": "discs", "clothes": "squares", "birds": "cars", "cars": "horses", "pandas": "birds"}


def faulty(bench: Bench, wrong: np.ndarray) -> dict[str, np.ndarray]:
    """Sets with one fault each, n images, made of the real training images that `real images` are, or of none.

    Args:
        bench: of the image set.
        wrong: pictures of something else, of the same resolution.
    """
    splits, n = bench.splits, bench.n
    real, rng = bench.drawn("train").images, np.random.default_rng(SEED)
    shape = ImageShape(channels=splits.card["channels"], resolution=splits.card["resolution"])
    gauss = rng.normal(real.mean((0, 1, 2)), real.std((0, 1, 2)), real.shape)
    wrong = wrong[rng.permutation(len(wrong))[:n]]
    if wrong.shape[3] != real.shape[3]:
        wrong = np.rint(wrong.mean(3, keepdims=True)).astype(np.uint8)
    return {
        "uniform noise": rng.integers(0, 256, real.shape, np.uint8),
        "Gaussian noise": np.clip(np.rint(gauss), 0, 255).astype(np.uint8),
        "noise sd 20": with_noise(real, 20),
        "blur 2x": coarse(real, 2),
        "blur 4x": coarse(real),
        "shuffled quarters": quarters(real),
        "wrong pictures": np.resize(wrong, real.shape),
        "half dropped": half(splits.train, rng)[:n],
        "copies of few": np.resize(real[rng.permutation(n)[: max(2, n // 30)]], real.shape),
        "untrained DCGAN": untrained("dcgan", shape, splits, n),
        "untrained VAE": untrained("vae", shape, splits, n),
    }


def quarters(images: np.ndarray) -> np.ndarray:
    """Each image's quarters in another order."""
    half, rng = images.shape[1] // 2, np.random.default_rng(SEED)
    corners = [(0, 0), (0, half), (half, 0), (half, half)]
    made = images.copy()
    for old, new in zip(images, made, strict=True):
        for (row, column), (top, left) in zip(corners, rng.permutation(corners), strict=True):
            new[row : row + half, column : column + half] = old[top : top + half, left : left + half]
    return made


def half(train: Images, rng: np.random.Generator) -> np.ndarray:
    """Images of the first half of the classes, or of the darker half where there are none."""
    classes = np.zeros(0) if train.labels is None else np.unique(train.labels)
    if len(classes) > 1:
        kept = np.flatnonzero(np.isin(train.labels, classes[: len(classes) // 2]))
    else:
        light = np.asarray(train.images).mean((1, 2, 3))
        kept = np.flatnonzero(light < np.median(light))
    return np.asarray(train.images[rng.permutation(kept)])


def untrained(model: str, shape: ImageShape, splits: ImageSplits, n: int) -> np.ndarray:
    torch.manual_seed(SEED)
    sampler = SAMPLERS["latent"]().sampler(MODELS[model]().networks(shape), shape, {})
    return sample(sampler, n, None, seed=SEED)


def scored(splits: ImageSplits, wrong: np.ndarray, n: int, cache: Path) -> pd.DataFrame:
    """Every score of real images and of faulty sets, one row each set and score."""
    settings = EvaluationSettings(samples=n, bootstrap=40)
    reference = describe_reference(splits, settings, cache)
    bench = Bench(splits, settings, cache, reference["n"])
    sets = {"real images": reference["real_images"]["scores"]} | {
        fault: score(Images(images), splits, reference, settings, cache)["scores"]
        for fault, images in faulty(bench, wrong).items()
    }
    rows = [
        {"set": fault, "n": bench.n} | {key: one[key] for key in ("kind", "value", "low", "high", "better")}
        for fault, scores in sets.items()
        for one in scores.values()
    ]
    return pd.DataFrame(rows)


def offences(found: pd.DataFrame) -> list[str]:
    """Name the scores that find a faulty set surely better than real images, or a plain fault not surely worse."""
    said = []
    real = found[found["set"] == "real images"].set_index("kind")
    for row in found[~found["set"].isin(["real images"]) & ~found["kind"].isin(["memorised"])].itertuples():
        if row.kind not in real.index:
            continue
        own, best = (row.low, row.high), tuple(real.loc[row.kind, ["low", "high"]])
        if surely_better(own, best, row.better):
            said.append(f"{row.kind}: {row.set} is better than real images")
        elif row.set in MUST_BE_WORSE and not surely_better(best, own, row.better):
            said.append(f"{row.kind}: {row.set} is not surely worse than real images")
    return said


def faults(arguments: argparse.Namespace) -> None:
    """Score every image set's faulty sets and print a table each."""
    sets = image_sets(arguments.images, arguments.clothes)
    with tempfile.TemporaryDirectory() as folder:

        def prepared(name: str) -> ImageSplits:
            if not (Path(folder) / name).is_dir():
                (Path(folder) / name).mkdir()
                write(sets[name].prepare(), Path(folder) / name)
            return read(Path(folder) / name)

        for name in arguments.only or WRONG:
            wrong = discs(arguments.samples) if name == "squares" else prepared(WRONG[name]).heldout.images
            found = scored(prepared(name), np.asarray(wrong), arguments.samples, Path(folder) / "cache")
            table = found.pivot_table(index="set", columns="kind", values="value", sort=False)
            say(f"\n{name}, n = {found['n'][0]}\n{table.to_string(float_format='%.3f')}")
            say("\n".join(offences(found)) or "no score offends")


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
    for kind in ("kid", "fd_learnt", "kid_learnt"):
        told[f"exact error, all, {kind} instead"] = (found[kind], found["error"])
        told[f"invalid squares, pictures at fault, {kind} instead"] = (pictures[kind], pictures["invalid"])
        told[f"error in factors, factors at fault, {kind} instead"] = (factors[kind], factors["error"])
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


def squares(arguments: argparse.Namespace) -> None:
    """Measure graded squares, draw and print."""
    n = arguments.samples
    FIGURE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        write(Squares(count=n, heldout=n).prepare(), Path(folder))
        found = measured(graded(n), read(Path(folder)), n, Path(folder) / "cache")
    told = correlations(found)
    drawn(found, told)
    columns = ["fault", "grade", "fd", "kid", "fd_learnt", "kid_learnt", "squares_valid", "factors"]
    say(found[[*columns, "squares_coverage", "error"]].to_string(index=False, float_format="%.3f"))
    for name, (rho, count) in told.items():
        say(f"Spearman with {name} ({count} sets): {rho:.3f}")


def main() -> None:
    """Do what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("faults", "squares"))
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--images", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--clothes", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--only", nargs="*", choices=tuple(WRONG))
    arguments = parser.parse_args()
    faults(arguments) if arguments.what == "faults" else squares(arguments)


if __name__ == "__main__":
    main()
