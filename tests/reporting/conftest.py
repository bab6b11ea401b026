"""A comparison that never ran: three contenders, one of them diverged, with numbers and images made here."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gencompare.imagesets.arrays import Images
from gencompare.imagesets.pictures import strips
from gencompare.reporting.contents import ContenderReport, Neighbours, ReportContents, SeedReport
from gencompare.reporting.curves import over_seeds

FD, RECALL, VALID = "fd_efficientnet_lite0_1k", "recall_efficientnet_lite0_1k", "squares_valid"
PASSPORT = {"measured_by": {"extractor": "efficientnet_lite0", "sha256": "57934424"}, "n": 1000, "seed": 0}

VALUES = {
    "dcgan": {FD: (208.0, 189.0, 231.0), VALID: (0.31, 0.28, 0.34), RECALL: (0.41, 0.37, 0.45)},
    "vae": {FD: (97.3, 92.1, 102.6), VALID: (0.62, 0.58, 0.66), RECALL: (0.55, 0.51, 0.59)},
    "ddpm": {FD: (41.2, 38.0, 44.9), VALID: (0.91, 0.89, 0.93), RECALL: (0.58, 0.54, 0.62)},
    "real images": {FD: (12.4, 11.8, 13.1), VALID: (1.0, 0.99, 1.0), RECALL: (0.81, 0.78, 0.84)},
    "noise": {FD: (612.0, 598.0, 627.0), VALID: (0.0, 0.0, 0.01), RECALL: (0.0, 0.0, 0.0)},
}
ABOUT = {
    FD: {"better": "lower", "kind": "fd", "measures": "quality"},
    VALID: {"better": "higher", "kind": "squares_valid", "measures": "quality"},
    RECALL: {"better": "higher", "kind": "recall", "measures": "diversity"},
}


def squares(n: int, seed: int, noise: float = 0.0, blur: int = 0) -> np.ndarray:
    """Draw coloured squares on black, uint8 (n, 32, 32, 3), worse for more noise and blur."""
    rng = np.random.default_rng(seed)
    images = np.zeros((n, 32, 32, 3))
    for image in images:
        side = rng.integers(7, 17)
        top, left = rng.integers(2, 30 - side, 2)
        image[top : top + side, left : left + side] = rng.uniform(60, 255, 3)
    for _ in range(blur):
        images = (images + np.roll(images, 1, 1) + np.roll(images, -1, 1) + np.roll(images, 1, 2)) / 4
    return (images + rng.normal(0, 255 * noise, images.shape)).clip(0, 255).astype(np.uint8)


def history(networks: tuple[str, ...], diverges: bool, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    kimg = np.linspace(0.5, 40 if diverges else 120, 60)
    columns: dict[str, Any] = {"kimg": kimg}
    for network in networks:
        noise = 1 + 0.08 * rng.standard_normal(len(kimg))
        columns[f"loss/{network}"] = (0.3 + np.exp(-kimg / 20)) * noise
        columns[f"grad_norm/{network}"] = (1 + 5 * np.exp(-kimg / 30)) * noise**2
    table = pd.DataFrame(columns)
    if diverges:
        table.iloc[-12:, 1:] *= np.exp(np.arange(12) * 1.2)[:, None]
        table.iloc[-1, 1:] = np.nan
    return table


DISTANCES = {
    "dcgan": (1.0, 0.6, 0.5, 0.55),
    "vae": (1.0, 0.30, 0.22, 0.21),
    "ddpm": (1.5, 0.9, 0.24, 0.05),
}


def curve(name: str, cost: dict[str, float], distances: tuple[float, ...] | None = None) -> dict[str, Any]:
    """The untrained distance, and those at a quarter, half and the whole of the budget."""
    shares = zip((0.0, 0.25, 0.5, 1.0), distances or DISTANCES[name], strict=True)
    return {
        "points": [
            {"value": distance, "standard_error": 0.01, "kimg": 120.0 * share}
            | {axis: cost[axis] * share for axis in ("train_seconds", "train_flops")}
            for share, distance in shares
        ],
        "real_images": 0.001,
        "noise": 1.7,
        "passport": {
            "extractor": "efficientnet_lite0",
            "reference": "1000 training images",
            "n": 64 if name == "ddpm" else 192,
            "sampler": "the contender's own",
        },
    }


def contender(name: str, family: str, **changes: Any) -> ContenderReport:
    quality = {"dcgan": {"noise": 0.25}, "vae": {"blur": 3}, "ddpm": {"noise": 0.02}}[name]
    train = squares(64, seed=1)
    samples = squares(64, seed=2, **quality)
    films = squares(60, seed=3, **quality).reshape(6, 10, 32, 32, 3)
    cost = {
        "dcgan": {"train_seconds": 42.0, "train_flops": 1.1e13, "parameters": 1_130_000, "nfe": 1},
        "vae": {"train_seconds": 192.0, "train_flops": 6.1e13, "parameters": 2_210_000, "nfe": 1},
        "ddpm": {"train_seconds": 603.0, "train_flops": 4.7e14, "parameters": 2_640_000, "nfe": 30},
    }[name]
    scores = {
        score: {
            "value": v,
            "low": low,
            "high": high,
            "standard_error": (high - low) / 4,
            "passport": PASSPORT,
        }
        | ABOUT[score]
        for score, (v, low, high) in VALUES[name].items()
    }
    seed = {"status": "finished", "scores": scores, "curve": over_seeds([curve(name, cost)])}
    return ContenderReport(
        **{
            "name": name,
            "family": family,
            "settings": {
                "model.name": family,
                "objective.name": {"unet": "denoising", "vae": "elbo"}.get(family, "wgan_gp"),
                "model.width": 32,
                "training.lr": 4e-4,
                "training.batch_size": 64,
            },
            "history": history(
                ("generator", "discriminator") if name == "dcgan" else (name,), name == "dcgan", 4
            ),
            "seeds": [SeedReport(**seed, variety=80.0)],
            "scores": {"scores": scores},
            "cost": cost
            | {
                "kimg": 120.0,
                "images_per_second": 120e3 / cost["train_seconds"],
                "peak_memory_mb": 512.0,
                "seconds_per_image": 0.0015 * cost["nfe"],
                "device": "CPU, 2 threads",
                "validation_seconds": 6.5 * cost["nfe"],
            },
            "curve": over_seeds([curve(name, cost)]),
            "curve_samples": Images(squares(4 * 16, seed=5, **quality)),
            "samples": Images(samples),
            "interpolation": strips(films),
            "trajectory": strips(films),
            "stages": strips(films[:, :4]) if family == "progressive_gan" else None,
            "neighbours": Neighbours(samples[:8], train[:40].reshape(8, 5, 32, 32, 3)),
        }
        | changes
    )


def with_seeds(contender: ContenderReport, **changes: Any) -> ContenderReport:
    """The same contender with something changed in each of its seeds."""
    seeds = [dataclasses.replace(seed, **changes) for seed in contender.seeds]
    return dataclasses.replace(contender, seeds=seeds)


def with_scores(contender: ContenderReport, scores: dict[str, Any]) -> ContenderReport:
    """The same contender with other scores, over seeds and of each."""
    return dataclasses.replace(with_seeds(contender, scores=scores), scores={"scores": scores})


def changed(
    contents: ReportContents, name: str, change: Callable[..., ContenderReport], *args: Any, **to: Any
):
    """The same comparison with one contender changed."""
    contenders = [change(c, *args, **to) if c.name == name else c for c in contents.contenders]
    return dataclasses.replace(contents, contenders=contenders)


def table(names: tuple[str, ...] = ("dcgan", "vae", "ddpm")) -> pd.DataFrame:
    rows = []
    for name in (*names, "real images", "noise"):
        row: dict[str, Any] = {"contender": name, "kind": "contender" if name in names else name}
        for score, ends in VALUES[name].items():
            row |= dict(zip((score, f"{score}_low", f"{score}_high"), ends, strict=True))
        rows.append(row)
    return pd.DataFrame(rows)


@pytest.fixture(scope="session")
def contents() -> ReportContents:
    """A finished comparison: dcgan diverged, ddpm is clearly ahead of vae."""
    return ReportContents(
        comparison="gan_compare",
        question="GAN, VAE or diffusion: which makes the better images here, and at what cost?",
        card={
            "name": "squares",
            "folder": "squares_32",
            "resolution": 32,
            "channels": 3,
            "classes": [],
            "counts": {"train": 10000, "heldout": 2000},
        },
        heldout=Images(squares(64, seed=0)),
        contenders=[
            with_seeds(
                contender("dcgan", "progressive_gan"), status="diverged", evidence="Its loss was not finite."
            ),
            contender("vae", "vae"),
            contender("ddpm", "unet"),
        ],
        table=table(),
        provenance={
            "command": "kedro run --pipeline=gan_compare",
            "seed": 0,
            "git_commit": "c95aa68c95aa",
            "machine": "Linux-6.1-x86_64",
            "python": "3.11.7",
            "version.torch": "2.14.1",
        },
    )
