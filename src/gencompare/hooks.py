"""What happens around a run: settings are checked before it, MLflow follows it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from gencompare import config
from gencompare.comparisons import all_jobs
from gencompare.config import flatten
from gencompare.provenance import provenance
from gencompare.training.progress import observing

EXPERIMENT = "gencompare"

logger = logging.getLogger(__name__)


class CheckHook:
    """Refuses, before anything is prepared or trained, a comparison whose settings cannot work."""

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Check every comparison that the run touches, ahead of the MLflow plug-in's own start."""
        parameters = catalog.load("parameters")
        for comparison in sorted({name.split(".")[0] for name in _namespaces(pipeline)} & set(all_jobs())):
            config.check(comparison, parameters)


class AnnounceHook:
    """Tells the reader of the console what is being done and, at the end, what came of it."""

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Name the node that starts."""
        logger.info("── %s", node.name)

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Say where the report lies, or the table where there is no report."""
        for kind in ("report", "table"):
            made = sorted(name for name in pipeline.outputs() if name.endswith(f".{kind}"))
            for name in made:
                logger.info("%s: %s", kind.capitalize(), catalog[name]._get_load_path())


class TrackingHook:
    """Gives each contender an MLflow run of its own, a child of the comparison's run.

    Rows of training history arrive while training runs, in batches.
    """

    def __init__(self) -> None:
        self._children: dict[str, ChildRun] = {}
        self._parent: Any = None
        self._observing = ExitStack()

    @hook_impl(trylast=True)
    def before_pipeline_run(self, catalog: CatalogProtocol) -> None:
        """Take up the comparison's run, which the MLflow plug-in has just started, and listen to training."""
        import mlflow

        self._children, self._catalog = {}, catalog
        self._parent = mlflow.active_run()
        self._parameters = catalog.load("parameters")
        if self._parent is not None:
            self._observing.enter_context(observing(self._on_row))
            self._origin = provenance()
            mlflow.set_tags(self._origin)

    @hook_impl(trylast=True)
    def before_node_run(self, node: Node) -> None:
        """Open a contender's child run with its first node."""
        comparison, _, contender = (node.namespace or "").partition(".")
        if self._parent is None or not contender or contender in self._children:
            return
        settings = self._parameters[comparison][contender]["settings"]
        tags = self._origin | {
            "comparison": comparison,
            "image_set": self._parameters[comparison]["image_set"]["name"],
            "contender": settings["contender"],
            "seed": str(settings["seed"]),
            "family": settings["model"]["name"],
        }
        self._children[contender] = ChildRun(self._parent.info, contender, tags, settings)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """Mirror what a node made: numbers as metrics, pictures and tables as artifacts."""
        if self._parent is None:
            return
        contender = (node.namespace or "").partition(".")[2]
        kind = dataset_name.rsplit(".", 1)[-1]
        if contender:
            self._children[contender].record(kind, data, self._catalog[dataset_name])
        elif kind == "prepared":
            self._log_image_set(self._catalog.load(dataset_name).card)
        elif kind in {"report", "table", "costs"}:
            _log_file(self._parent.info.run_id, self._catalog[dataset_name])

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Close every child run and say where to look."""
        self._close("FINISHED")
        if self._parent is not None:
            logger.info("To compare the contenders in MLflow: make mlflow, then open %s", ui_address())

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Close every child run, so that none stays RUNNING."""
        self._close("FAILED")

    def _on_row(self, contender: str, row: dict[str, float]) -> None:
        if contender in self._children:
            self._children[contender].add_row(row)

    def _close(self, status: str) -> None:
        self._observing.close()
        for child in self._children.values():
            child.close(status)

    def _log_image_set(self, card: Mapping[str, Any]) -> None:
        """Record the prepared images as an input of the comparison's run."""
        import mlflow
        from mlflow.data.code_dataset_source import CodeDatasetSource
        from mlflow.data.meta_dataset import MetaDataset

        source = CodeDatasetSource(tags={"source": str(card.get("source", ""))})
        dataset = MetaDataset(source, name=card["folder"], digest=card["sha256"]["train"][:36])  # type: ignore[abstract]
        mlflow.log_input(dataset, context="training")


class ChildRun:
    """One contender's MLflow run."""

    seconds_between_batches = 5.0

    def __init__(
        self, parent: Any, contender: str, tags: Mapping[str, str], settings: Mapping[str, Any]
    ) -> None:
        from mlflow import MlflowClient
        from mlflow.entities import Param

        self._client = MlflowClient()
        tags = {"mlflow.parentRunId": parent.run_id, **tags}
        run = self._client.create_run(parent.experiment_id, tags=tags, run_name=contender)
        self._id = run.info.run_id
        params = [Param(name, str(value)[:6000]) for name, value in flatten(settings).items()]
        self._client.log_batch(self._id, params=params)
        self._rows: list[Any] = []
        self._streamed = False
        self._last_batch = time.monotonic()

    def add_row(self, row: Mapping[str, float]) -> None:
        """Keep a history row for the next batch, which goes out every few seconds."""
        from mlflow.entities import Metric

        now, step = int(1000 * time.time()), round(1000 * row["kimg"])
        self._rows += [Metric(name, value, now, step) for name, value in row.items() if name != "kimg"]
        self._streamed = True
        if time.monotonic() - self._last_batch >= self.seconds_between_batches:
            self._send_rows()

    def record(self, kind: str, value: Any, dataset: Any) -> None:
        """Mirror one output of the contender's nodes."""
        if kind == "history" and not self._streamed:
            for row in value.to_dict("records"):
                self.add_row(row)
        elif kind in {"cost", "sampling_cost"}:
            self._log_numbers(value)
        elif kind == "scores":
            self._log_numbers({name: score["value"] for name, score in value["scores"].items()})
        elif kind in {"sample_grid", "interpolation", "trajectory"}:
            _log_file(self._id, dataset)
        if kind == "history":
            self._send_rows()

    def close(self, status: str) -> None:
        """Send what is left and end the run."""
        self._send_rows()
        self._client.set_terminated(self._id, status)

    def _log_numbers(self, values: Mapping[str, Any]) -> None:
        """Log numbers as metrics and words as tags."""
        from mlflow.entities import Metric, RunTag

        now = int(1000 * time.time())
        flat = flatten(values)
        metrics = [Metric(k, float(v), now, 0) for k, v in flat.items() if isinstance(v, (int, float))]
        tags = [RunTag(k, v) for k, v in flat.items() if isinstance(v, str)]
        self._client.log_batch(self._id, metrics=metrics, tags=tags)

    def _send_rows(self) -> None:
        for start in range(0, len(self._rows), 1000):
            self._client.log_batch(self._id, metrics=self._rows[start : start + 1000])
        self._rows.clear()
        self._last_batch = time.monotonic()


def ui_address(tracking_uri: str | None = None, server: str = "http://127.0.0.1:5000") -> str:
    """Return the address of MLflow's page that lists the runs: its start page shows none of ours."""
    from mlflow import MlflowClient

    experiment = MlflowClient(tracking_uri).get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        return server
    return f"{server}/#/experiments/{experiment.experiment_id}/runs?workflowType=machine_learning"


def _log_file(run_id: str, dataset: Any) -> None:
    from mlflow import MlflowClient

    MlflowClient().log_artifact(run_id, str(dataset._get_load_path()))


def _namespaces(pipeline: Pipeline) -> Iterable[str]:
    return {node.namespace or "" for node in pipeline.nodes}
