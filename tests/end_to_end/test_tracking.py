"""What MLflow keeps of runs that end well, end early, and go on; and the model that each contender leaves there."""

from __future__ import annotations

import re
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from gencompare.tracking.server import ensure_database

from .conftest import COMPARISONS, newest, run
from .test_interruption import checkpoints, kill_at_first_checkpoint, start, wait

CONTENDERS = COMPARISONS["gan_compare"].contenders


def client_of(project: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{project}/mlflow.db")


def runs_of(project: Path) -> tuple[list[Run], list[Run]]:
    """Return the runs of whole comparisons, the oldest first, and those of contenders."""
    client = client_of(project)
    experiment = client.get_experiment_by_name("gencompare").experiment_id
    runs = client.search_runs([experiment], order_by=["attributes.start_time ASC"])
    return (
        [run for run in runs if "contender" not in run.data.tags],
        [run for run in runs if "contender" in run.data.tags],
    )


def test_a_killed_comparison_goes_on_in_the_same_child_runs(project):
    kill_at_first_checkpoint(project, "dcgan")
    ended = start(project)
    assert ended.wait(timeout=600) == 0, ended.stderr.read()
    (killed, resumed), children = runs_of(project)
    assert (killed.info.status, resumed.info.status) == ("KILLED", "FINISHED")
    assert sorted(child.data.tags["contender"] for child in children) == sorted(CONTENDERS)
    assert {child.info.status for child in children} == {"FINISHED"}
    assert {child.data.tags["mlflow.parentRunId"] for child in children} == {resumed.info.run_id}
    gone_on = {c.info.run_name for c in children if c.info.start_time < resumed.info.start_time}
    assert "dcgan" in gone_on
    assert list((project / "mlspool").iterdir()) == []
    for child in children:
        (folder,) = project.glob(f"data/06_models/gan_compare/*/{child.info.run_name}")
        kimg = pd.read_csv(newest(folder, "history.csv"))["kimg"]
        loss = next(name for name in child.data.metrics if name.startswith("loss/"))
        logged = client_of(project).get_metric_history(child.info.run_id, loss)
        assert sorted(metric.step for metric in logged) == [round(1000 * value) for value in kimg]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_run_open(project, number):
    running = start(project)
    wait(running, lambda: checkpoints(project) and (project / "mlflow.db").exists())
    running.send_signal(number)
    assert running.wait(timeout=60) != 0
    parents, children = runs_of(project)
    assert children
    assert {run.info.status for run in parents + children} == {"KILLED"}


def test_a_run_beside_a_locked_database_ends_well_and_what_it_said_arrives_later(finished, tmp_path):
    project = tmp_path / "project"
    shutil.copytree(finished, project)
    (project / "mlflow.db").unlink()
    ensure_database(f"sqlite:///{project}/mlflow.db")
    with closing(sqlite3.connect(project / "mlflow.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        said = start(project).communicate(timeout=300)[1].decode()
    assert "Traceback" not in said
    assert said.count("MLflow does not answer") == 1
    assert said.count("MLflow has not been told everything") == 1

    run(project, "history")
    parents, children = runs_of(project)
    assert sorted(child.data.tags["contender"] for child in children) == sorted(CONTENDERS)
    assert {one.info.status for one in parents + children} == {"FINISHED"}
    assert list((project / "mlspool").iterdir()) == []


@pytest.mark.parametrize("contender", CONTENDERS)
def test_the_attached_model_makes_the_samples_again_as_its_card_says(
    finished, contender, tmp_path, monkeypatch
):
    _, children = runs_of(finished)
    (child,) = [run for run in children if run.data.tags["contender"] == contender]
    model = Path(client_of(finished).download_artifacts(child.info.run_id, "model", str(tmp_path)))
    card = (model / "README.md").read_text()
    assert {"weights.safetensors", "settings.json", "sample_grid.png"} < {
        path.name for path in model.iterdir()
    }
    for fact in (
        "free of rights",
        "fd_efficientnet_lite0_64",
        "weights_sha256",
        "Training time",
        "git_commit",
    ):
        assert fact in card
    assert f"objective.name | {child.data.params['objective.name']}" in card

    (code,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    monkeypatch.chdir(finished)
    ran: dict = {}
    exec(code.replace('Path("model")', f"Path({str(model)!r})"), ran)
    (made,) = finished.glob(f"data/07_model_output/gan_compare/*/{contender}")
    with np.load(newest(made, "samples.npz")) as saved:
        assert np.array_equal(ran["samples"], saved["images"][:16])
