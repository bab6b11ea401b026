"""MLflow follows a run."""

from __future__ import annotations

import atexit
import logging
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime
from threading import RLock
from typing import TYPE_CHECKING, Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from gencompare.catalog.whole import WholeCatalog
from gencompare.comparisons import SAMPLE, SCORE, Training, asked_for
from gencompare.config.budget import in_force
from gencompare.hooks.plan import plan_of
from gencompare.pipelines import naming

if TYPE_CHECKING:
    from gencompare.pipeline_registry import Owned
    from gencompare.tracking.runs import TrackedRun, TrainingRun
    from gencompare.tracking.sender import Sender

logger = logging.getLogger(__name__)


class TrackingHook:
    """Gives each training an MLflow run of its own, a child of the comparison's run.

    Everything is written down first, and a thread delivers it: a run never waits for MLflow, except at its end for
    some seconds. A training whose run was cut short (killed, failed, interrupted) goes on with that run. Nodes that
    run side by side take turns here.
    """

    SECONDS_AT_THE_END = (8.0, 10.0)
    SECONDS_WHEN_INTERRUPTED = (1.0, 3.0)
    """Without anything being delivered, and in all."""

    def __init__(self) -> None:
        self._children: dict[str, TrainingRun] = {}
        self._scores: dict[str, Mapping[str, Any]] = {}  # of a contender of each comparison
        self._parent: TrackedRun | None = None
        self._sender: Sender | None = None
        self._observing = ExitStack()
        self._turn = RLock()
        atexit.register(self._interrupted)

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Take note of what is planned and where runs are recorded."""
        self._plan = plan_of(context)
        self._server = context.config_loader["mlflow"]
        self._spools = context.project_path / "mlspool"

    @hook_impl(trylast=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: WholeCatalog
    ) -> None:
        """Start the comparison's run, and listen to training; what trains and scores nothing has no run."""
        from gencompare.pipeline_registry import owners
        from gencompare.provenance import provenance
        from gencompare.tracking.runs import TrackedRun
        from gencompare.tracking.sender import Sender
        from gencompare.tracking.spool import Spool
        from gencompare.training.progress import observing

        names = asked_for(run_params["pipeline_names"])
        if SAMPLE in names:
            return  # there is nothing to tell MLflow, so that nothing waits for it
        self._children, self._scores, self._catalog = {}, {}, catalog
        self._owners = owners(self._plan.comparisons)
        self._origin = provenance()
        self._spool = Spool.begin(self._spools, self._server["tracking_uri"])
        nodes = catalog.to_run(pipeline, run_params["only_missing_outputs"])
        if SCORE in names or any(self._training_of(node) for node in nodes):
            self._parent = TrackedRun(self._spool, f"{', '.join(names)}, {_now()}", self._origin)
            made = {name for node in nodes for name in node.outputs}
            for prepared in (naming.dataset(name, "prepared") for name in self._plan.planned):
                if prepared in pipeline.datasets() and prepared not in made:
                    self._parent.log_image_set(catalog.load(prepared).card)
        self._sender = Sender(self._spool, self._server)
        self._observing.enter_context(observing(self._on_row))

    @hook_impl(trylast=True)
    def before_node_run(self, node: Node, inputs: dict[str, Any]) -> None:
        """Open a training's run with its first node."""
        owned = self._training_of(node) if self._parent else None
        if owned is not None and owned.training is not None:
            with self._turn:
                self._open(owned.comparison, owned.training, inputs)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """Mirror what a node made: numbers as metrics, pictures, tables and models as artifacts."""
        from gencompare.tracking.runs import newest_file

        owned = self._owners.get(dataset_name) if self._parent else None
        if self._parent is None or owned is None or (owned.training is not None and "report" in node.tags):
            return
        with self._turn:
            if owned.training is not None:
                child = self._children[naming.box(owned.comparison, owned.training.name)]
                child.record(owned.kind, data, self._catalog[dataset_name])
                if owned.kind == "reconstruction" and data:  # else the picture shows nothing of its making
                    pictures = naming.dataset(owned.comparison, "reconstructions", owned.training.name)
                    child.log_file(newest_file(self._catalog[pictures]))
                if owned.kind == "scores":
                    self._scores.setdefault(owned.comparison, data["scores"])
                    self._attach_model(child, owned, data)
            elif owned.kind == "prepared":
                self._parent.log_image_set(self._catalog.load(dataset_name).card)
            elif owned.kind in {"report", "table", "costs"}:
                self._parent.log_file(newest_file(self._catalog[dataset_name]))

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Close every run and say where to look."""
        from gencompare.tracking.server import runs_address

        keys = [self._show(comparison) for comparison in self._scores] if self._parent else []
        sender = self._sender
        self._close("FINISHED")
        if sender is None or not sender.is_delivered:
            return
        for key in keys:
            logger.info("In MLflow: make mlflow, then open %s", runs_address(sender.experiment, key))
            logger.info("Scores and curves: %s", runs_address(sender.experiment, key, charts=True))

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Close every run, so that none stays RUNNING."""
        from gencompare.training import progress

        self._close("KILLED" if progress.interrupted.is_set() else "FAILED")

    def _show(self, comparison: str) -> str:
        """Have MLflow's pages open on a comparison's contenders by its headline scores; return the page's key."""
        from gencompare.reporting.tables import headline_names
        from gencompare.tracking.views import view_key

        image_set = self._plan.planned[comparison].image_set.values["name"]
        trainings = [training.name for training in self._plan.comparisons[comparison].trainings]
        assert self._parent is not None
        self._parent.show(comparison, image_set, trainings, headline_names(self._scores[comparison]))
        return view_key(comparison, image_set)

    def _training_of(self, node: Node) -> Owned | None:
        """Return whose a node's outputs are, where they are a training's and not the report's."""
        owned = self._owners.get(node.outputs[0])
        return owned if owned and owned.training and "report" not in node.tags else None

    def _open(self, comparison: str, training: Training, inputs: dict[str, Any]) -> None:
        """Open a training's run where it is not yet. By now it is known on how many images it trains."""
        from gencompare.pipelines.modelling.nodes import is_trained
        from gencompare.tracking.runs import TrainingRun

        box = naming.box(comparison, training.name)
        if box in self._children:
            return
        saved = None
        if asked := inputs.get(naming.parameter(comparison, "settings", training.name)):
            settings = in_force(asked, inputs[naming.dataset(comparison, "budget", training.contender)])
        else:  # it is trained, and sampled or scored anew
            saved = settings = self._catalog.load(naming.dataset(comparison, "settings", training.name))
        image_set = self._plan.planned[comparison].image_set.values
        tags = self._origin | {
            "comparison": comparison,
            "image_set": image_set["name"],
            "contender": training.contender,
            "training": training.name,
            "seed": str(settings["seed"]),
            "family": settings["model"]["name"],
        }
        name = f"{comparison}.{training.contender} seed {settings['seed']}, {_now()}"
        prepared = naming.dataset(comparison, "prepared")
        reused = saved is not None or is_trained(inputs[prepared], settings, inputs["trainings"])
        assert self._parent is not None
        self._children[box] = TrainingRun(self._spool, self._parent, name, tags, settings, image_set, reused)

    def _on_row(self, training: str, row: dict[str, float], kimg: float) -> None:
        with self._turn:
            named = [child for child in self._children.values() if child.training == training]
            if len(named) == 1:  # else it is not known whose; each gets its own with its history
                named[0].add_row(row)

    def _attach_model(self, child: TrainingRun, owned: Owned, scores: dict[str, Any]) -> None:
        """Attach what a contender has become, once it is scored."""
        from gencompare.reporting.model_card import model_card

        def dataset(kind: str) -> str:
            return naming.dataset(owned.comparison, kind, owned.training.name if owned.training else None)

        settings = self._catalog.load(dataset("settings"))
        cost = self._catalog.load(dataset("cost")) | self._catalog.load(dataset("sampling_cost"))
        images = self._catalog.load(naming.dataset(owned.comparison, "prepared")).card
        outcome = self._catalog.load(dataset("outcome"))
        reference = self._catalog.load(naming.dataset(owned.comparison, "reference"))
        card = model_card(owned.comparison, settings, images, cost, scores, outcome, reference, self._origin)
        made_by = "best_weights" if settings["training"]["sample_from"] == "best" else "weights"
        files = {"weights.safetensors": made_by, "fitted.safetensors": "fitted", "settings.json": "settings"}
        files |= {"shape.json": "shape", "sample_grid.png": "sample_grid"}
        child.log_model({name: self._catalog[dataset(kind)] for name, kind in files.items()}, card)

    def _close(self, status: str) -> None:
        self._observing.close()
        for run in (*self._children.values(), *([self._parent] if self._parent else [])):
            run.close(status)
        self._children, self._parent = {}, None
        if self._sender is not None:
            self._sender.finish(
                *(self.SECONDS_WHEN_INTERRUPTED if status == "KILLED" else self.SECONDS_AT_THE_END)
            )

    def _interrupted(self) -> None:
        """End what is open when the process ends early, by Ctrl-C for one, where no hook is called."""
        if self._parent is not None:
            self._close("KILLED")


def _now() -> str:
    return f"{datetime.now():%Y-%m-%d %H:%M}"
