"""One MLflow run a contender: made, gone on with after an interruption, and never left open."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import psutil

from gencompare.config.typed import flatten

EXPERIMENT = "gencompare"


class ChildRun:
    """One training's MLflow run, a child of the comparison's run."""

    seconds_between_batches = 5.0

    def __init__(
        self,
        parent: Any,
        training: str,
        tags: Mapping[str, str],
        settings: Mapping[str, Any],
        image_set: Mapping[str, Any],
    ) -> None:
        """Go on with the run that an interruption cut short, or start one.

        Args:
            parent: the comparison's run info.
            training: the run's name.
            tags: of the run, `comparison` among them.
            settings, image_set: complete; with the comparison they tell which interrupted run was to be the same.
        """
        from mlflow import MlflowClient
        from mlflow.entities import Param

        self.training = training
        self._client = MlflowClient()
        facts = json.dumps([tags["comparison"], image_set, settings], sort_keys=True)
        same = hashlib.sha256(facts.encode()).hexdigest()
        tags = {"mlflow.parentRunId": parent.run_id, "process": this_process(), "same": same, **tags}
        self.id = self._interrupted(parent.experiment_id, same)
        if self.id is None:
            self.id = self._client.create_run(parent.experiment_id, tags=tags, run_name=training).info.run_id
        else:
            self._client.update_run(self.id, status="RUNNING")
            for name, value in tags.items():
                self._client.set_tag(self.id, name, value)
        params = [Param(name, str(value)[:6000]) for name, value in flatten(settings).items()]
        self._client.log_batch(self.id, params=params)
        self._rows: list[Any] = []
        self._steps: set[int] | None = None
        self._last_batch = time.monotonic()

    def add_row(self, row: Mapping[str, float]) -> None:
        """Keep a history row that MLflow lacks for the next batch, which goes out every few seconds."""
        from mlflow.entities import Metric

        values = {name: value for name, value in row.items() if name != "kimg"}
        if self._steps is None:
            history = self._client.get_metric_history(self.id, next(iter(values)))
            self._steps = {metric.step for metric in history}
        now, step = int(1000 * time.time()), round(1000 * row["kimg"])
        if step not in self._steps:
            self._steps.add(step)
            self._rows += [Metric(name, value, now, step) for name, value in values.items()]
        if time.monotonic() - self._last_batch >= self.seconds_between_batches:
            self._send_rows()

    def record(self, kind: str, value: Any, dataset: Any) -> None:
        """Mirror one output of the contender's nodes."""
        if kind == "history":
            for row in value.to_dict("records"):
                self.add_row(row)
            self._send_rows()
        elif kind == "curve":
            self._log_curve(value)
        elif kind in {"outcome", "cost", "sampling_cost", "reconstruction"}:
            self._log_numbers(value)
        elif kind == "scores":
            self._log_numbers({name: score["value"] for name, score in value["scores"].items()})
        elif kind in {"sample_grid", "interpolation", "trajectory", "reconstructions", "stages"}:
            log_file(self.id, dataset)

    def attach_model(self, weights: Any, sample_grid: Any, settings: Mapping[str, Any], card: str) -> None:
        """Put the model into a folder of the run's artifacts: weights, settings, card and a grid of its samples."""
        with TemporaryDirectory() as folder:  # best weights have another name in the catalog
            copy = shutil.copy(str(weights._get_load_path()), Path(folder) / "weights.safetensors")
            self._client.log_artifact(self.id, str(copy), "model")
        log_file(self.id, sample_grid, "model")
        self._client.log_dict(self.id, dict(settings), "model/settings.json")
        self._client.log_text(self.id, card, "model/README.md")

    def close(self, status: str) -> None:
        """Send what is left and end the run."""
        self._send_rows()
        self._client.set_terminated(self.id, status)

    def _interrupted(self, experiment: str, same: str) -> Any:
        """Find the newest run of the same training that ended early."""
        wanted = f"tags.same = '{same}'"
        for run in self._client.search_runs([experiment], wanted, order_by=["attributes.start_time DESC"]):
            if run.info.status in {"KILLED", "FAILED"}:
                return run.info.run_id
        return None

    def _log_curve(self, curve: Mapping[str, Any]) -> None:
        """Log the distance at each point where weights were kept, by images seen."""
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        points = [(round(1000 * point["kimg"]), point["value"]) for point in curve.get("points", ())]
        metrics = [Metric("validation_kid", value, now, step) for step, value in points]
        self._client.log_batch(self.id, metrics=metrics)

    def _log_numbers(self, values: Mapping[str, Any]) -> None:
        """Log numbers as metrics and words as tags."""
        from mlflow.entities import Metric, RunTag

        now = int(1000 * time.time())
        flat = flatten(values)
        metrics = [Metric(k, float(v), now, 0) for k, v in flat.items() if isinstance(v, (int, float))]
        tags = [RunTag(k, v) for k, v in flat.items() if isinstance(v, str)]
        self._client.log_batch(self.id, metrics=metrics, tags=tags)

    def _send_rows(self) -> None:
        for start in range(0, len(self._rows), 1000):
            self._client.log_batch(self.id, metrics=self._rows[start : start + 1000])
        self._rows.clear()
        self._last_batch = time.monotonic()


def start_run(server: Mapping[str, Any], name: str, tags: Mapping[str, str]) -> Any:
    """Start a comparison's run, where conf/base/mlflow.yml says, and return it.

    Args:
        server: `tracking_uri` and, where it is a file of this project, `artifact_location`.
        name, tags: of the run.
    """
    import mlflow

    logging.getLogger("mlflow").setLevel(logging.WARNING)  # its import turns on lines about its database
    mlflow.set_tracking_uri(server["tracking_uri"])
    if mlflow.get_experiment_by_name(EXPERIMENT) is None:
        mlflow.create_experiment(EXPERIMENT, server.get("artifact_location"))
    experiment = mlflow.set_experiment(EXPERIMENT)
    close_stale(experiment.experiment_id)
    return mlflow.start_run(run_name=name, tags={"process": this_process(), **tags})


def close_stale(experiment: str) -> None:
    """Mark as KILLED what a process of this machine, gone since, has left RUNNING."""
    from mlflow import MlflowClient

    client = MlflowClient()
    ours = f"attributes.status = 'RUNNING' and tags.process LIKE '{socket.gethostname()} %'"
    for run in client.search_runs([experiment], ours):
        if not is_alive(run.data.tags["process"]):
            client.set_terminated(run.info.run_id, "KILLED")


def this_process() -> str:
    """Name this process as no other of any machine is named: host, id, time of its start."""
    return _named(psutil.Process(os.getpid()))


def is_alive(process: str) -> bool:
    """Return whether a process of this machine, as `this_process` named it, still runs."""
    pid = int(process.split(" ")[1])
    try:
        return _named(psutil.Process(pid)) == process
    except psutil.NoSuchProcess:
        return False


def log_file(run_id: str, dataset: Any, folder: str | None = None) -> None:
    """Copy a dataset's newest file to the artifacts of a run."""
    from mlflow import MlflowClient

    MlflowClient().log_artifact(run_id, str(dataset._get_load_path()), folder)


def log_image_set(run_id: str, card: Mapping[str, Any]) -> None:
    """Record the prepared images as an input of a run."""
    from mlflow import MlflowClient
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = json.dumps({"source": str(card.get("source", ""))})
    dataset = Dataset(card["folder"], card["sha256"]["train"][:36], source_type="code", source=source)
    MlflowClient().log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])


def ui_address(tracking_uri: str | None = None, server: str = "http://127.0.0.1:5000") -> str:
    """Return the address of MLflow's page that lists the runs: its start page shows none of ours."""
    from mlflow import MlflowClient

    experiment = MlflowClient(tracking_uri).get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        return server
    return f"{server}/#/experiments/{experiment.experiment_id}/runs?workflowType=machine_learning"


def compare_address(run_ids: list[str], experiment: str, server: str = "http://127.0.0.1:5000") -> str:
    """Return the address of MLflow's page that sets runs side by side."""
    runs, experiments = (quote(json.dumps(ids, separators=(",", ":"))) for ids in (run_ids, [experiment]))
    return f"{server}/#/compare-runs?runs={runs}&experiments={experiments}"


def _named(process: psutil.Process) -> str:
    return f"{socket.gethostname()} {process.pid} {process.create_time():.2f}"
