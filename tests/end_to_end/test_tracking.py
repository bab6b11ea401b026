"""What MLflow keeps of runs that end well, end early, and go on; and the model that each contender leaves there."""

from __future__ import annotations

import re
import signal
import socket
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from gencompare.tracking import close_stale, this_process

from .conftest import COMPARISONS, newest
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
    (killed,), first = runs_of(project)
    assert {run.info.status for run in [killed, *first]} == {"RUNNING"}
    assert "dcgan" in {run.info.run_name for run in first}

    ended = start(project)
    assert ended.wait(timeout=600) == 0, ended.stderr.read()
    (killed, resumed), children = runs_of(project)
    assert (killed.info.status, resumed.info.status) == ("KILLED", "FINISHED")
    assert sorted(child.data.tags["contender"] for child in children) == sorted(CONTENDERS)
    assert {child.info.status for child in children} == {"FINISHED"}
    assert {child.data.tags["mlflow.parentRunId"] for child in children} == {resumed.info.run_id}
    assert {run.info.run_id for run in first} <= {child.info.run_id for child in children}
    for child in children:
        (folder,) = project.glob(f"data/06_models/gan_compare/*/{child.info.run_name}")
        kimg = pd.read_csv(newest(folder, "history.csv"))["kimg"]
        loss = next(name for name in child.data.metrics if name.startswith("loss/"))
        logged = client_of(project).get_metric_history(child.info.run_id, loss)
        assert sorted(metric.step for metric in logged) == [round(1000 * value) for value in kimg]


def test_ctrl_c_leaves_no_run_open(project):
    running = start(project)
    wait(running, lambda: checkpoints(project))
    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=60) != 0
    parents, children = runs_of(project)
    assert children
    assert {run.info.status for run in parents + children} == {"KILLED"}


def test_only_runs_of_processes_that_are_gone_are_closed(tmp_path, monkeypatch):
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    client = MlflowClient()
    experiment = client.create_experiment("gencompare")
    processes = {
        "alive": this_process(),
        "gone": f"{socket.gethostname()} 999999999 1.00",
        "its number used again": this_process().rsplit(" ", 1)[0] + " 1.00",
        "elsewhere": "another-machine 1 1.00",
    }
    runs = {
        name: client.create_run(experiment, tags={"process": process}) for name, process in processes.items()
    }
    close_stale(experiment)
    closed = {name for name, run in runs.items() if client.get_run(run.info.run_id).info.status == "KILLED"}
    assert closed == {"gone", "its number used again"}


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
