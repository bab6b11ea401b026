"""Try settings of contenders at the same seconds of one core, on several image sets, and tabulate what each gave.

    CIFAR10=/my/cifar10 python benchmarks/tune.py TRIES.yml RESULTS.json --seconds 110 --images squares,cifar10

TRIES.yml names contenders of conf/base, each with a list of blocks of settings to lay over it ({} as it is). A try
trains on as many images as fit the seconds, counted in processor time, so that what else the machine does decides
nothing. Samples are held against a draw of the training images, never against held-out ones. What RESULTS.json has
already is not tried again; at its end the script prints all of it as the table of docs/tuning.md.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from fashion import ready

from gencompare.config.contender import read_contender
from gencompare.config.layers import Layered
from gencompare.config_loader import ComparisonConfigLoader
from gencompare.evaluation.distances import frechet, kernel_distance
from gencompare.evaluation.features import extract, features, make_extractor
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.evaluation.squares import fit_squares
from gencompare.imagesets import make_image_set, storage
from gencompare.imagesets.arrays import ImageSplits
from gencompare.imagesets.pictures import image_grid
from gencompare.models.parts.shape import ImageShape
from gencompare.objectives.base import Objective
from gencompare.sampling.images import sample
from gencompare.training.loop import prepare, seeded, take_step, train

CONF = Path(__file__).parents[1] / "conf"
SEED, SAMPLES, REFERENCE = 0, 500, 2000
POINTS = 10
FOLDERS = {"cifar10": "CIFAR10", "pandas": "PANDAS", "cub200": "CUB200"}
"""Variables that say where the image sets lie that a user has to fetch."""


@cache
def prepared(name: str, folder: str) -> ImageSplits:
    """Prepare an image set as conf/base has it, once for all processes."""
    place = Path(folder) / name
    if not place.is_dir():
        settings = plan(dataset=name).comparison("gan_compare").image_set.values
        folders = {"folder": os.environ[FOLDERS[name]]} if name in FOLDERS else {}
        place.mkdir(parents=True)
        storage.write(make_image_set(settings | folders).prepare(), place)
    return storage.read(place)


def plan(**asked: Any) -> Any:
    return ComparisonConfigLoader(
        str(CONF), base_env="base", default_run_env="base", runtime_params=asked
    ).plan


def seconds_per_image(objective: Objective, images: Any, training: Any) -> float:
    """Processor seconds an image takes, on average over the budget."""
    with seeded(SEED, torch.device("cpu")):
        state, feed = prepare(objective, images, training, SEED, torch.device("cpu"))
        taken = []
        for share in (np.arange(POINTS) + 0.5) / POINTS:
            if state.objective.advance(float(share)):
                state.begin_stage()
            take_step(state, feed, training, float(share))
            started, steps = time.process_time(), 0
            while steps < 16 or time.process_time() - started < 0.4:
                take_step(state, feed, training, float(share))
                steps += 1
            taken.append((time.process_time() - started) / steps)
    return float(np.mean(taken)) / training.batch_size


def tried(contender: str, given: dict[str, Any], image_set: str, seconds: float, root: str) -> dict[str, Any]:
    """Train one try on one image set, and measure its samples."""
    torch.set_num_threads(1)
    splits = prepared(image_set, root)
    settings = Layered()
    settings.lay(plan().contender(contender).values, "base")
    settings.lay(given, "try")
    chosen = read_contender(settings.values)
    shape = ImageShape.of(splits.card)

    def objective() -> Objective:
        return chosen.objective.objective(chosen.model.networks(shape))

    training = replace(chosen.training, device="cpu", checkpoint_seconds=1e9)
    speed = seconds_per_image(objective(), splits.train, training)
    training = replace(
        training, kimg=max(1, int(seconds / speed / training.batch_size)) * training.batch_size / 1000
    )
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        done = train(objective, splits.train, training, name=contender, seed=SEED, folder=Path(folder))
        took = time.process_time() - started
        sampler = ready(chosen, done, shape, splits.train)
    labels = np.resize(splits.train.labels, SAMPLES) if sampler.classes else None
    images = sample(sampler, SAMPLES, labels, SEED)
    evaluation = EvaluationSettings()
    extractor = make_extractor(evaluation.extractor)
    drawn = np.sort(np.random.default_rng(SEED).permutation(len(splits.train))[:REFERENCE])
    real = features(np.asarray(splits.train.images[drawn]), extractor, evaluation, Path(root) / "features")
    made = extract(images, extractor, evaluation)
    every = [np.arange(SAMPLES)]
    found = {
        "kimg": training.kimg,
        "seconds": round(took, 1),
        "status": done.status,
        "kd": float(f"{kernel_distance(made, real, every)[0]:.3g}"),
        "fd": float(f"{frechet(made, real, every)[0]:.3g}"),
    }
    if image_set == "squares":
        found["valid"] = float(fit_squares(images, tuple(splits.card["generator"]["side"])).valid.mean())
    image_grid(images[:64]).save(Path(root) / f"{key(contender, given, image_set, seconds)}.png")
    return found


def key(contender: str, given: dict[str, Any], image_set: str, seconds: float) -> str:
    """Name a try."""
    flat = "_".join(f"{a}.{b}={v}" for a, part in given.items() for b, v in part.items())
    return f"{contender}-{flat}-{image_set}-{seconds:g}s".replace("/", "").replace(" ", "")[:200]


def table(results: dict[str, Any]) -> str:
    """Tabulate results as Markdown."""
    lines = [
        "| try | kimg | kernel distance | Fréchet distance | valid squares |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, found in sorted(results.items()):
        cells = (str(found.get(column, "")) for column in ("kimg", "kd", "fd", "valid"))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tries", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--images", default="squares,fashion_mnist,cifar10")
    parser.add_argument("--only", default="")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--root", default="data/tuning")
    asked = parser.parse_args()
    Path(asked.root).mkdir(parents=True, exist_ok=True)
    results = json.loads(asked.results.read_text()) if asked.results.is_file() else {}
    tries = yaml.safe_load(asked.tries.read_text())
    only = [name for name in asked.only.split(",") if name]
    with ProcessPoolExecutor(asked.workers, multiprocessing.get_context("spawn")) as pool:
        waiting = {}
        for image_set in asked.images.split(","):
            prepared(image_set, asked.root)
            for contender, given in tries.items():
                for one in given:
                    name = key(contender, one, image_set, asked.seconds)
                    if name not in results and (not only or contender in only):
                        job = pool.submit(tried, contender, one, image_set, asked.seconds, asked.root)
                        waiting[job] = name
        for job in as_completed(waiting):
            results[waiting[job]] = job.result() if not job.exception() else {"error": repr(job.exception())}
            asked.results.write_text(json.dumps(results, indent=1))
    sys.stdout.write(table(results))


if __name__ == "__main__":
    main()
