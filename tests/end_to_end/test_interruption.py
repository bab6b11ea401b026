"""A run killed with -9 goes on when the same command is given again, and ends with the same bytes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from .conftest import newest

CONTENDERS = ["dcgan", "ddpm", "progressive_gan", "vae"]  # of each family one, as Kedro trains them
COMMAND = [sys.executable, "-m", "kedro", "run", "--pipelines=gan_compare", "--env=smoke"]


def start(
    project: Path,
    *options: str,
    contenders: Iterable[str] = CONTENDERS,
    checkpoint_seconds: float = 0.0,
    before: Iterable[str] = (),
) -> subprocess.Popen[bytes]:
    command = [*before, *COMMAND, f"--contenders={','.join(contenders)}", *options]
    command.append(f"--params=training.checkpoint_seconds={checkpoint_seconds}")
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    handler = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a background job's children ignore it
    try:
        return subprocess.Popen(
            command, cwd=project, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
    finally:
        signal.signal(signal.SIGINT, handler)


def checkpoints(project: Path, contender: str = "") -> list[Path]:
    """Return the checkpoints of a contender, or of all."""
    trainings = (project / "data/06_models/trainings").glob("*/settings.json")
    found = [file for file in trainings if contender in ("", json.loads(file.read_text())["contender"])]
    return sorted(checkpoint for file in found for checkpoint in file.parent.glob("0*"))


def wait(running: subprocess.Popen[bytes], found: Callable[[], object]) -> None:
    """Wait until something is found of a run that goes on meanwhile."""
    deadline = time.monotonic() + 120
    while not found():
        if running.poll() is not None or time.monotonic() > deadline:
            running.kill()
            raise AssertionError(f"it never came to that: {running.stderr.read()[-2000:]!r}")
        time.sleep(0.005)


def kill_at_first_checkpoint(project: Path, contender: str) -> str:
    """Start the run, kill it once the contender has a checkpoint, return that checkpoint's name."""
    running = start(project)
    wait(running, lambda: checkpoints(project, contender))
    running.kill()
    running.wait()
    return checkpoints(project, contender)[0].name


def assert_same_bytes(finished: Path, project: Path, contenders: Iterable[str] = CONTENDERS) -> None:
    """Assert that what was interrupted, or run again, has come to the same as a run that was not."""
    for layer, name in [
        ("06_models", "weights.safetensors"),
        ("06_models", "best_weights.safetensors"),
        ("06_models", "history.csv"),
        ("07_model_output", "samples.npz"),
        ("07_model_output", "scores.json"),
    ]:
        for contender in contenders:
            (whole,) = (finished / "data" / layer / "gan_compare").iterdir()
            (cut,) = (project / "data" / layer / "gan_compare").iterdir()
            first, second = newest(whole / contender, name), newest(cut / contender, name)
            assert first.read_bytes() == second.read_bytes(), f"{contender} {name}"


def test_killed_in_each_family_and_still_the_same_bytes(finished, project):
    steps = {contender: int(kill_at_first_checkpoint(project, contender)) for contender in CONTENDERS}
    ended = start(project)
    said = ended.communicate(timeout=300)[1].decode()
    assert ended.returncode == 0, said
    # Workers outlive a killed parent by a few steps, in which a training this short may come to its end.
    resumed = re.findall(r"(\w+) (?:goes on from its checkpoint|is already trained)", said)
    kept = ", ".join(re.findall(r"kept as trained before: (.*)", said)).split(", ")
    assert {*resumed, *kept} >= set(CONTENDERS)
    assert all(1 <= step <= 32 for step in steps.values())
    assert_same_bytes(finished, project)
