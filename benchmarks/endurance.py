"""Whether anything is lost, ignored or mislabelled: random kills, simultaneous runs, and mutated input.

    python benchmarks/endurance.py --kills 200 --pairs 20 --settings 2000 --images 300 --samples 60 --faults

The faults are the suite's own tests of them, a row each. Every other part draws from its own seed and has a fixed number
of cases. Kills and pairs, which take hours, are noted in `--folder` one by one: the same command goes on after the last.
It ends with a table, and with status 1 where a case failed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import psutil
from PIL import Image

from gencompare.config.check import check_given, check_planned
from gencompare.config.typed import flatten
from gencompare.config_loader import ComparisonConfigLoader
from gencompare.evaluation.samples import load_samples
from gencompare.imagesets.reading import UnreadableImage, read_image
from gencompare.settings import CONFIG_LOADER_ARGS

PROJECT = Path(__file__).parents[1]
FAMILIES = (  # every kind of network, and every objective that keeps a state of its own
    "vanilla_gan",
    "dcgan",
    "dcgan_upsample",
    "progressive_gan",
    "resnet_wgan_gp",
    "r3gan",
    "vae",
    "vq_vae",
    "ddpm",
    "edm",
    "flow",
    "consistency_clothes",
)
MADE = (
    "06_models/*/*/{}/weights.safetensors",
    "06_models/*/*/{}/history.csv",
    "07_model_output/*/*/{}/samples.npz",
)
SECONDS_OF_A_RUN = 900
FAULTS = {
    "an interrupt while the tracking database is made": "tracking/test_server.py::test_an_interrupt",
    "a writer of the tracking database is killed": "tracking/test_server.py::test_what_a_killed_writer",
    "the tracking database is broken": "tracking/test_server.py::test_a_broken_one",
    "the tracking server is gone": "tracking/test_sender.py::test_a_server_that_is_gone",
    "the tracking server is killed in the middle": "end_to_end/test_tracking.py::test_a_server_killed",
    "the tracking server is slow": "tracking/test_sender.py::test_a_slow_server",
    "the tracking database is locked": "end_to_end/test_tracking.py::test_a_run_beside_a_locked_database",
    "an interrupt, a termination": "end_to_end/test_tracking.py::test_an_interrupt",
    "the parent is killed": "end_to_end/test_faults.py::test_a_killed_parent",
    "workers are killed ten times": "end_to_end/test_faults.py::test_killed_workers",
    "workers are killed each time": "running/test_engine.py::test_work_that_has_each",
    "a report on other settings": "end_to_end/test_reuse.py::test_what_was_made_with_other_settings",
    "only what is missing, with other settings": "end_to_end/test_reuse.py::test_only_what_is_stale",
    "the clock went back": "catalog/test_whole.py::test_the_newest",
    "two runs of one comparison at once": "end_to_end/test_faults.py::test_two_runs_at_once",
    "two runs in the same millisecond": "test_prune.py::test_two_runs_never",
    "the newest version is cut short": "catalog/test_whole.py::test_a_broken_version",
    "a checkpoint is broken": "training/test_loop.py::test_a_broken_checkpoint",
    "links, loops and odd names among images": "imagesets/test_odd_folders.py::test",
    "damaged images": "imagesets/test_mutations.py::test",
    "samples that cannot be scored": "evaluation/test_samples.py::test",
    "the disk is full": "catalog/test_whole.py::test_a_full_disk",
    "the disk is full, whoever writes": "test_files.py::test_a_file_for_which",
    "memory is full": "running/test_exhaustion.py::test",
    "the browser hangs or is killed": "reporting/test_export.py::test_a_browser",
}

Case = Callable[[random.Random, Path], str]


def kill(rng: random.Random, folder: Path) -> str:
    """Kill a run, its parent, a worker or all of it, and finish it: the same bytes, and MLflow knows all of it."""
    family = rng.choice(FAMILIES)
    whole, seconds = _reference(folder, family)
    project = _project(folder / "killed")
    running = _start(project, family)
    time.sleep(rng.uniform(0.0, seconds))
    target, number = rng.choice(["parent", "worker", "group"]), rng.choice([signal.SIGKILL, signal.SIGTERM])
    for process in _processes(running.pid, target):
        process.send_signal(number)
    if target == "worker":
        _end(running)
    else:
        running.communicate(timeout=SECONDS_OF_A_RUN)
        _end(_start(project, family))
    untold = "MLflow does not know all" if any((project / "mlspool").iterdir()) else ""
    return _difference(whole, _bytes(project, family)) or untold or "the same bytes"


def pair(rng: random.Random, folder: Path) -> str:
    """Run the same comparison twice at once: both must end well, and with the same bytes."""
    family = rng.choice(FAMILIES)
    whole, _ = _reference(folder, family)
    project = _project(folder / "pair")
    both = [_start(project, family), _start(project, family)]
    for one in both:
        _end(one)
    found = [_difference(whole, _bytes(project, family, place)) for place in (0, -1)]
    return next(filter(None, found), "the same bytes")


def setting(rng: random.Random, folder: Path) -> str:
    """Mutate one setting of the command line and load it as a run does: it must be in force, or refused in a line."""
    plain = _loader({}).plan.planned["gan_compare"]
    contender = rng.choice(sorted(plain.contenders))
    sections = {
        f"contenders.{contender}": plain.contenders[contender].values,
        "evaluation": plain.evaluation.values,
        f"image_sets.{plain.image_set.values['name']}": plain.image_set.values,
        "training": plain.contenders[contender].values["training"],
    }
    where = rng.choice(sorted(sections))
    path = rng.choice(sorted(flatten(sections[where])))
    if rng.random() < 0.2:
        place = rng.randrange(len(path) + 1)
        path = path[:place] + rng.choice("xyz._ ") + path[place:]
    value = rng.choice(VALUES)
    given: dict[str, Any] = {}
    inner = given
    *parents, last = [*where.split("."), *path.split(".")]
    for name in parents:
        inner = inner.setdefault(name, {})
    inner[last] = value
    try:
        loader = _loader(given)
        plan = loader.plan
        check_given(plan, {"gan_compare"})
        planned = plan.planned["gan_compare"]
        check_planned(planned, None)
        loader["catalog"]
    except click.ClickException as error:
        return "refused in a line" if "\n" not in error.message else f"several lines: {error.message[:200]}"
    in_force = {
        f"contenders.{contender}": planned.contenders[contender].values,
        "evaluation": planned.evaluation.values,
        f"image_sets.{planned.image_set.values['name']}": planned.image_set.values,
        "training": planned.contenders[contender].values["training"],
    }[where]
    found = in_force
    for name in path.split("."):
        found = found[name] if isinstance(found, dict) and name in found else ...
    nearest = float(value) if isinstance(found, float) and isinstance(value, int) else value
    same = found == nearest and isinstance(found, bool) == isinstance(value, bool)
    return (
        "in force"
        if same or value in ({}, []) and not found
        else f"ignored: {where}.{path}={value!r}, {found!r}"
    )


VALUES: list[Any] = [True, False, "5", "", "nan", None, math.nan, math.inf, -math.inf, -1, 0, 1, 2, 0.5]
VALUES += [10**30, 1e-300, 2.5, [], [1], {}, {"a": 1}, "dcgan", "\n", "é", [None], {"name": "dcgan"}]
VALUES += [[[1]], {"name": None}]


def image(rng: random.Random, folder: Path) -> str:
    """Damage an image file: it must be read, or left out with a reason in one line."""
    suffix = rng.choice(["jpg", "png", "gif", "bmp", "tif", "webp", "ppm"])
    path = folder / f"image.{suffix}"
    pixels = np.frombuffer(rng.randbytes(5 * 6 * 3), np.uint8).reshape(5, 6, 3)
    Image.fromarray(pixels).resize((48, 40)).save(path)
    path.write_bytes(_damaged(rng, path.read_bytes()))
    try:
        read_image(str(path))
    except UnreadableImage as reason:
        return "left out in a line" if str(reason) and "\n" not in str(reason) else f"says {str(reason)!r}"
    return "read"


def sample_file(rng: random.Random, folder: Path) -> str:
    """Damage a file of samples, or give it other types and shapes: it must be read, or refused in one line."""
    path = folder / f"samples.{rng.choice(['npy', 'npz'])}"
    dtype = rng.choice(["u1", "u1", "u1", "?", "f4", "i8", "c8", "U3", "M8[s]", "i4,f4", "f2"])
    shape = rng.choice(
        [(6, 16, 16, 3)] * 3 + [(), (0,), (6,), (0, 16, 16, 3), (6, 3, 16, 16), (6, 16, 16), (2, 2)]
    )
    array = np.zeros(shape, dtype)
    with path.open("wb") as file:
        np.save(file, array) if path.suffix == ".npy" else np.savez(
            file, images=array, labels=np.zeros(shape[:1])
        )
    if rng.random() < 0.5:
        path.write_bytes(_damaged(rng, path.read_bytes()))
    try:
        load_samples(path, (16, 16, 3))
    except click.ClickException as error:
        return "refused in a line" if "\n" not in error.message else f"several lines: {error.message[:200]}"
    return "read"


PARTS: dict[str, tuple[Case, frozenset[str]]] = {
    "kills": (kill, frozenset({"the same bytes"})),
    "pairs": (pair, frozenset({"the same bytes"})),
    "settings": (setting, frozenset({"in force", "refused in a line"})),
    "images": (image, frozenset({"read", "left out in a line"})),
    "samples": (sample_file, frozenset({"read", "refused in a line"})),
}
LONG = ("kills", "pairs")


def outcomes(part: str, count: int, folder: Path, seed: int = 0) -> Iterator[str]:
    """Yield what becomes of each case of a part. Those of kills and pairs are noted, and read where they were."""
    case, _ = PARTS[part]
    notes = folder / f"{part}-{seed}.jsonl"
    known = [json.loads(line) for line in notes.read_text().splitlines()] if notes.exists() else []
    for number in range(count):
        if part in LONG and number < len(known):
            yield known[number]
            continue
        try:
            found = case(random.Random(f"{seed} {part} {number}"), folder)
        except Exception as error:  # which is what is counted here
            found = f"{type(error).__name__}: {' '.join(str(error).split())[-300:]}"
            (folder / f"{part}-{seed}-{number}.log").write_text(str(error))
        if part in LONG:
            with notes.open("a") as file:
                file.write(json.dumps(found) + "\n")
        yield found


def faults() -> Iterator[tuple[str, str]]:
    """Yield the name of each fault and what becomes of it: `as it should` where its tests pass."""
    for name, tests in FAULTS.items():
        file, _, stem = tests.partition("::")
        command = [sys.executable, "-m", "pytest", "-q", f"{PROJECT}/tests/{file}", "-k", stem]
        done = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=False)
        yield name, "as it should" if done.returncode == 0 else done.stdout.splitlines()[-1]


def _damaged(rng: random.Random, content: bytes) -> bytes:
    place = rng.randrange(len(content))
    ways = (
        content[:place],
        content[:place] + rng.randbytes(16) + content[place + 16 :],
        content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :],
        content + rng.randbytes(100),
        rng.randbytes(len(content)),
        b"",
    )
    return rng.choice(ways)


def _loader(given: dict[str, Any]) -> ComparisonConfigLoader:
    return ComparisonConfigLoader(
        str(PROJECT / "conf"), env="smoke", runtime_params=given, **CONFIG_LOADER_ARGS
    )


def _project(folder: Path) -> Path:
    """Lay out a fresh project that shares the code."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "src").mkdir(parents=True)
    shutil.copytree(PROJECT / "conf", folder / "conf")
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(PROJECT / name, folder)
    return folder


def _start(project: Path, family: str) -> subprocess.Popen[bytes]:
    beside = "dcgan" if family == "vae" else "vae"
    options = ["--pipelines=gan_compare", "--env=smoke", f"--contenders={family},{beside}"]
    command = [sys.executable, "-m", "kedro", "run", *options, "--params=training.checkpoint_seconds=0"]
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=project, env=environment, stdout=pipe, stderr=subprocess.STDOUT)


def _end(running: subprocess.Popen[bytes]) -> None:
    said = running.communicate(timeout=SECONDS_OF_A_RUN)[0].decode(errors="replace")
    if running.returncode or "Traceback" in said:
        raise RuntimeError(f"status {running.returncode}: {said}")


def _processes(parent: int, target: str) -> list[psutil.Process]:
    try:
        process = psutil.Process(parent)
        children = process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    workers = [child for child in children if child.name().startswith("python")]
    return {"parent": [process], "worker": workers[-1:], "group": [process, *children]}[target]


def _reference(folder: Path, family: str) -> tuple[list[bytes], float]:
    """Return what an undisturbed run makes, and its seconds; run it the first time only."""
    project, note = folder / f"whole-{family}", folder / f"whole-{family}.json"
    if not note.exists():
        started = time.monotonic()
        _end(_start(_project(project), family))
        note.write_text(json.dumps(time.monotonic() - started))
    return _bytes(project, family), json.loads(note.read_text())


def _bytes(project: Path, family: str, place: int = -1) -> list[bytes]:
    """Return the files that one version of a run made, the newest or the first."""
    found = []
    for pattern in MADE:
        versions = sorted((project / "data").glob(f"{pattern.format(family)}/*/*.*"))
        found.append([path for path in versions if path.name == path.parents[1].name][place].read_bytes())
    return found


def _difference(one: list[bytes], other: list[bytes]) -> str:
    return ", ".join(name for name, a, b in zip(MADE, one, other, strict=True) if a != b)


def main() -> int:
    """Run what is asked for and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for part in PARTS:
        parser.add_argument(f"--{part}", type=int, default=0)
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=PROJECT / "build/endurance")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    failed = 0
    for part, (_, well) in PARTS.items():
        counts = Counter(outcomes(part, getattr(asked, part), asked.folder, asked.seed))
        for outcome, count in counts.most_common():
            failed += count * (outcome not in well)
            sys.stdout.write(f"{part:9} {count:6} {'' if outcome in well else 'FAILED  '}{outcome}\n")
    for name, outcome in faults() if asked.faults else ():
        failed += (wrong := outcome != "as it should")
        sys.stdout.write(f"fault     {'FAILED  ' if wrong else ''}{name}: {outcome}\n")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
