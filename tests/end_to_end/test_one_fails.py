"""Where one contender cannot be trained, the others are, before the run ends in one line."""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import subprocess
import sys
from functools import partial

import pytest

COMMAND = [sys.executable, "-m", "kedro", "run", "--pipelines=gan_compare", "--env=smoke"]
TOO_LARGE = "--params=contenders.vae.training.batch_size=400000"
MOST_MEMORY = 10 * 2**30
"""A process may ask for, so that the machine's own is never full."""


@pytest.mark.parametrize(
    "budget", ["--kimg=0.5", "--minutes=0.02"]
)  # it fails as it trains, or as it is measured
def test_the_others_are_finished_and_it_ends_in_one_line(project, budget):
    limit = partial(resource.setrlimit, resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}

    def given(*words):
        command = [*COMMAND, "--contenders=vae,dcgan", budget, *words]
        return subprocess.run(
            command,
            cwd=project,
            env=environment,
            preexec_fn=limit,
            capture_output=True,
            text=True,
            check=False,
        )

    done = given(TOO_LARGE)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: vae: out of memory at training.batch_size=")
    assert "dcgan finished:" in done.stderr
    for made in ("06_models/*/*/dcgan/weights.safetensors", "07_model_output/*/*/dcgan/scores.json"):
        assert len(list(project.glob(f"data/{made}/*/*.*"))) >= 2  # it, and what it was made from
    with sqlite3.connect(project / "mlflow.db") as database:
        found = dict(
            database.execute(
                "select t.value, r.status from runs r join tags t on r.run_uuid = t.run_uuid"
                " where t.key = 'training'"
            ).fetchall()
        )
    assert found["dcgan"] == "FINISHED"

    done = given()
    assert done.returncode == 0, done.stderr
    assert "kept as trained before: dcgan" in done.stderr
    assert "vae finished:" in done.stderr and "dcgan finished:" not in done.stderr
    (scores,) = project.glob("data/07_model_output/*/*/vae/scores.json/*/scores.json")
    assert json.loads(scores.read_text())["n"]
