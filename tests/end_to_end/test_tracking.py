"""What MLflow keeps of runs that end well, end early, and go on; and the model that each contender leaves there."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from .conftest import COMPARISONS, free_port, newest, run
from .test_interruption import CONTENDERS, checkpoints, kill_at_first_checkpoint, start, wait


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
    said = ended.communicate(timeout=600)[1].decode()
    assert ended.returncode == 0, said
    assert not re.search("MLflow (does not answer|has not been told)", said), said
    (killed, resumed), children = runs_of(project)
    assert (killed.info.status, resumed.info.status) == ("KILLED", "FINISHED")
    assert sorted(child.data.tags["contender"] for child in children) == sorted(CONTENDERS)
    assert {child.info.status for child in children} == {"FINISHED"}
    assert {child.data.tags["mlflow.parentRunId"] for child in children} == {resumed.info.run_id}
    gone_on = {c.data.tags["training"] for c in children if c.info.start_time < resumed.info.start_time}
    assert "dcgan" in gone_on
    assert list((project / "mlspool").iterdir()) == []
    for child in children:
        (folder,) = project.glob(f"data/06_models/gan_compare/*/{child.data.tags['training']}")
        kimg = pd.read_csv(newest(folder, "history.csv"))["kimg"]
        loss = next(name for name in child.data.metrics if name.startswith("loss/"))
        logged = client_of(project).get_metric_history(child.info.run_id, loss)
        assert sorted(metric.step for metric in logged) == [round(1000 * value) for value in kimg]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_run_open(project, number):
    (project / "mlflow.db").unlink()  # once it is there again, MLflow is being told
    running = start(project)
    wait(running, lambda: checkpoints(project) and (project / "mlflow.db").exists())
    running.send_signal(number)
    assert running.wait(timeout=60) != 0
    parents, children = runs_of(project)
    assert children
    assert {run.info.status for run in parents + children} == {"KILLED"}


def test_a_run_beside_a_locked_database_ends_well_and_what_it_said_arrives_later(
    finished, whole_database, tmp_path
):
    project = tmp_path / "project"
    shutil.copytree(finished, project)
    shutil.copy(whole_database, project / "mlflow.db")
    with closing(sqlite3.connect(project / "mlflow.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        said = start(project, "--remake").communicate(timeout=300)[1].decode()
    assert "Traceback" not in said
    assert said.count("MLflow does not answer") == 1
    assert said.count("MLflow has not been told everything") == 1

    run(project, "history")
    parents, children = runs_of(project)
    assert sorted(child.data.tags["contender"] for child in children) == sorted(CONTENDERS)
    assert {one.info.status for one in parents + children} == {"FINISHED"}
    assert list((project / "mlspool").iterdir()) == []


SERVER = """
import logging, os, sys
from mlflow.server import ARTIFACT_ROOT_ENV_VAR, BACKEND_STORE_URI_ENV_VAR, app
os.environ |= {BACKEND_STORE_URI_ENV_VAR: "sqlite:///mlflow.db", ARTIFACT_ROOT_ENV_VAR: "mlartifacts"}
logging.getLogger("werkzeug").setLevel("ERROR")
app.run(port=int(sys.argv[1]))
"""  # in a third of the time of `mlflow server`


@contextmanager
def server(project: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Serve a project's database until the context ends, or it is killed."""

    def answers() -> bool:
        with closing(socket.socket()) as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    command = [sys.executable, "-c", SERVER, str(port)]
    serving = subprocess.Popen(command, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        wait(serving, answers)
        yield serving
    finally:
        serving.kill()
        serving.wait()


def test_a_server_killed_in_the_middle_keeps_nobody_and_what_it_missed_arrives_once_it_is_back(project):
    port = free_port()
    (project / "conf/base/mlflow.yml").write_text(f"tracking_uri: http://127.0.0.1:{port}\n")
    with server(project, port) as serving:
        running = start(project, contenders=["vae"])
        wait(running, lambda: list(project.glob("mlspool/*.sent")))  # it has been told something
        serving.kill()
    said = running.communicate(timeout=300)[1].decode()
    assert running.returncode == 0, said
    assert "Traceback" not in said
    assert said.count("MLflow does not answer") == 1
    assert said.count("MLflow has not been told everything") == 1
    assert "FINISHED" not in {one.info.status for group in runs_of(project) for one in group}

    with server(project, port):
        run(project, "history")
    (parent,), (child,) = runs_of(project)
    assert (parent.info.status, child.info.status) == ("FINISHED", "FINISHED")
    assert child.data.tags["contender"] == "vae"
    assert {"kid_efficientnet_lite0_32", "validation_kid"} <= set(child.data.metrics)
    assert list((project / "mlspool").iterdir()) == []


@pytest.fixture(scope="module")
def models(finished, tmp_path_factory):
    """Every contender's model, downloaded from MLflow."""
    found = {}
    for run_ in runs_of(finished)[1]:
        (logged,) = run_.outputs.model_outputs
        folder = tmp_path_factory.mktemp(run_.data.tags["contender"])
        at = client_of(finished).get_logged_model(logged.model_id).artifact_location
        found[run_.data.tags["contender"]] = Path(
            mlflow.artifacts.download_artifacts(at, dst_path=str(folder))
        )
    assert sorted(found) == sorted(COMPARISONS["gan_compare"].contenders)
    return found


def test_every_contender_leaves_a_model_without_a_pickle_and_with_a_card(finished, models):
    _, children = runs_of(finished)
    for run_ in children:
        folder = models[run_.data.tags["contender"]]
        assert (folder / "MLmodel").is_file()
        assert not [path for path in folder.rglob("*") if path.suffix in {".pkl", ".pickle", ".pt", ".pth"}]
        card = (folder / "data/contender/README.md").read_text()
        facts = (
            "free of rights",
            "fd_efficientnet_lite0_32",
            "weights_sha256",
            "Training time",
            "git_commit",
            "training ended:",
            "| noise |",
        )
        assert all(fact in card for fact in facts)
        assert f"objective.name | {run_.data.params['objective.name']}" in card


def test_models_make_the_samples_again_in_a_fresh_process_as_their_cards_say(finished, models, tmp_path):
    script = "import numpy\n"
    for contender, folder in models.items():
        card = (folder / "data/contender/README.md").read_text()
        (code,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
        assert '"model"' in code
        script += code.replace('"model"', repr(str(folder))) + f"numpy.save('{contender}.npy', samples)\n"
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)  # far from project and images
    for contender in models:
        (made,) = finished.glob(f"data/07_model_output/gan_compare/*/{contender}")
        with np.load(newest(made, "samples.npz")) as saved:
            assert np.array_equal(np.load(tmp_path / f"{contender}.npy"), saved["images"][:16])


REGISTER = """
import mlflow, numpy, pandas, pytest
entry = mlflow.register_model("runs:/{run}/model", "vae")
model = mlflow.pyfunc.load_model(f"models:/vae/{{entry.version}}")
made = model.predict(pandas.DataFrame({{"n": [2, 3], "seed": [5, 6]}}))
assert made.shape[0] == 5 and made.dtype == numpy.uint8
assert numpy.array_equal(model.predict(pandas.DataFrame({{"n": [3], "seed": [6]}})), made[2:])
with pytest.raises(ValueError, match="n=0: must be a whole number above 0"):
    model.predict(pandas.DataFrame({{"n": [0]}}))
"""


def test_a_model_can_be_registered_and_asked_for_several_seeds(finished, tmp_path):
    (child,) = [one for one in runs_of(finished)[1] if one.data.tags["contender"] == "vae"]
    subprocess.run(
        [sys.executable, "-c", REGISTER.format(run=child.info.run_id)],
        cwd=tmp_path,
        env=os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{finished}/mlflow.db"},
        check=True,
    )


def test_runs_are_named_and_only_what_reconstructs_shows_reconstructions(finished):
    client = client_of(finished)
    parents, children = runs_of(finished)
    assert all(re.fullmatch(r"gan_compare, \d{4}-\d\d-\d\d \d\d:\d\d", one.info.run_name) for one in parents)
    for one in children:
        contender = one.data.tags["contender"]
        named = rf"gan_compare\.{contender} seed 0, \d{{4}}-\d\d-\d\d \d\d:\d\d"
        assert re.fullmatch(named, one.info.run_name)
        files = {file.path for file in client.list_artifacts(one.info.run_id)}
        assert ("reconstructions.png" in files) == (contender in {"vae", "ddpm"})
