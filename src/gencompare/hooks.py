"""What happens around a run: settings are checked before it, MLflow follows it."""

from __future__ import annotations

import atexit
import logging
from contextlib import ExitStack
from threading import RLock
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from gencompare.comparisons import all_jobs
from gencompare.config import contender as config
from gencompare.provenance import provenance
from gencompare.reporting.model_card import model_card
from gencompare.tracking import (
    ChildRun,
    close_stale,
    compare_address,
    log_file,
    log_image_set,
    this_process,
    ui_address,
)
from gencompare.training.checkpoint import fingerprint
from gencompare.training.progress import observing

__all__ = ["AnnounceHook", "CheckHook", "TrackingHook", "ui_address"]

logger = logging.getLogger(__name__)


class CheckHook:
    """Refuses, before anything is prepared or trained, a comparison whose settings cannot work."""

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Check every comparison that the run touches, ahead of the MLflow plug-in's own start."""
        parameters = catalog.load("parameters")
        for comparison in sorted({_job(name) for name in pipeline.datasets()} & set(all_jobs())):
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

    Rows of training history arrive while training runs, in batches. A contender whose run was cut short
    (killed, failed, interrupted) goes on with that run. Nodes that run side by side take turns here.
    """

    def __init__(self) -> None:
        self._children: dict[str, ChildRun] = {}
        self._training: dict[str, ChildRun] = {}
        self._parent: Any = None
        self._observing = ExitStack()
        self._turn = RLock()
        atexit.register(self._interrupted)

    @hook_impl(trylast=True)
    def before_pipeline_run(self, catalog: CatalogProtocol) -> None:
        """Take up the comparison's run, which the MLflow plug-in has just started, and listen to training."""
        import mlflow

        self._children, self._training, self._catalog = {}, {}, catalog
        self._parent = mlflow.active_run()
        self._parameters = catalog.load("parameters")
        if self._parent is not None:
            self._origin = provenance()
            mlflow.set_tags(self._origin | {"process": this_process()})
            close_stale(self._parent.info.experiment_id)
            self._observing.enter_context(observing(self._on_row))

    @hook_impl(trylast=True)
    def before_node_run(self, node: Node) -> None:
        """Open a contender's child run with its first node."""
        comparison, contender = self._owner(node)
        if self._parent is None or contender is None:
            return
        with self._turn:
            self._training[contender] = self._child(comparison, contender)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """Mirror what a node made: numbers as metrics, pictures, tables and models as artifacts."""
        if self._parent is None:
            return
        comparison, contender = self._owner(node)
        kind = dataset_name.rsplit(".", 1)[-1]
        with self._turn:
            if contender is not None:
                self._children[f"{comparison}.{contender}"].record(kind, data, self._catalog[dataset_name])
                if kind == "scores":
                    self._attach_model(comparison, contender, data)
            elif kind == "prepared":
                log_image_set(self._catalog.load(dataset_name).card)
            elif kind in {"report", "table", "costs"}:
                log_file(self._parent.info.run_id, self._catalog[dataset_name])

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Close every child run and say where to look."""
        ids = [child.id for child in self._children.values()]
        self._close("FINISHED")
        if ids:
            experiment = self._parent.info.experiment_id
            logger.info("To see the runs in MLflow: make mlflow, then open %s", ui_address())
            logger.info("To compare the contenders there: %s", compare_address(ids, experiment))

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Close every child run, so that none stays RUNNING."""
        self._close("FAILED")

    def _owner(self, node: Node) -> tuple[str, str | None]:
        """Return the comparison that a node belongs to, and the contender that it makes something of, if any."""
        comparison, part = _job(node.outputs[0]), (node.namespace or "").partition("-")[2]
        contenders = {training.name for training in all_jobs()[comparison].trainings} if part else set()
        return comparison, part if part in contenders and "report" not in node.tags else None

    def _child(self, comparison: str, contender: str) -> ChildRun:
        """Return a contender's run, opened where it is not yet."""
        key = f"{comparison}.{contender}"
        if key not in self._children:
            settings = self._parameters[comparison][contender]["settings"]
            image_set = self._parameters[comparison]["image_set"]
            facts = {"comparison": comparison, "image_set": image_set, "settings": settings}
            tags = self._origin | {
                "comparison": comparison,
                "image_set": image_set["name"],
                "contender": settings["contender"],
                "seed": str(settings["seed"]),
                "family": settings["model"]["name"],
                "fingerprint": fingerprint(facts),
            }
            self._children[key] = ChildRun(self._parent.info, contender, tags, settings)
        return self._children[key]

    def _on_row(self, contender: str, row: dict[str, float]) -> None:
        if contender in self._training:
            with self._turn:
                self._training[contender].add_row(row)

    def _attach_model(self, comparison: str, contender: str, scores: dict[str, Any]) -> None:
        """Attach what a contender has become, once it is scored."""

        def dataset(kind: str) -> str:
            return f"{comparison}.{contender}.{kind}"

        settings = self._parameters[comparison][contender]["settings"]
        cost = self._catalog.load(dataset("cost")) | self._catalog.load(dataset("sampling_cost"))
        images = self._catalog.load(f"{comparison}.prepared").card
        card = model_card(comparison, settings, images, cost, scores, self._origin)
        made_by = "best_weights" if settings["training"].get("sample_from") == "best" else "weights"
        weights, grid = (self._catalog[dataset(kind)] for kind in (made_by, "sample_grid"))
        self._children[f"{comparison}.{contender}"].attach_model(weights, grid, settings, card)

    def _close(self, status: str) -> None:
        self._observing.close()
        for child in self._children.values():
            child.close(status)
        self._children = {}

    def _interrupted(self) -> None:
        """End what is open when the process ends early, by Ctrl-C for one, where no hook is called."""
        if self._children:
            import mlflow

            self._close("KILLED")
            mlflow.end_run("KILLED")  # or MLflow's own exit handler calls it finished
            mlflow.MlflowClient().set_terminated(self._parent.info.run_id, "KILLED")  # it may have come first


def _job(dataset: str) -> str:
    """Return the comparison, or other job, that a dataset or parameter belongs to."""
    return dataset.removeprefix("params:").split(".")[0]
