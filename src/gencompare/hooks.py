"""What happens around a run: settings are checked before it, MLflow follows it."""

from __future__ import annotations

import atexit
import logging
import signal
import threading
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from threading import RLock
from typing import TYPE_CHECKING, Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from gencompare.comparisons import HISTORY, SAMPLE, SCORE, Training
from gencompare.config.budget import in_force
from gencompare.config.check import check_given, check_planned
from gencompare.config.plan import Plan
from gencompare.config_loader import ComparisonConfigLoader
from gencompare.pipelines import naming

if TYPE_CHECKING:
    from gencompare.pipeline_registry import Owned
    from gencompare.running.engine import Engine
    from gencompare.tracking.runs import TrackedRun, TrainingRun
    from gencompare.tracking.sender import Sender

logger = logging.getLogger(__name__)


class PlanHook:
    """Composes what this session's files and command line ask for, and refuses what cannot work before it runs."""

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Register the comparisons with the contenders and seeds of this session."""
        from gencompare.pipeline_registry import compose_all

        self._plan = _plan(context)
        pipelines.configure(None)  # or Kedro would compose the files' own first
        pipelines.update(compose_all(self._plan.comparisons))

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, run_params: dict[str, Any], catalog: CatalogProtocol) -> None:
        """Check every comparison that the run touches, and what is to be sampled."""
        run = {
            "gan_compare" if name == "__default__" else name
            for name in run_params["pipeline_names"] or ["__default__"]
        }
        check_given(self._plan, run)
        if SAMPLE in run:
            from gencompare.sampling.saved import answer

            answer(catalog.load("models"), self._plan.request)  # a node would fail in more than one line
        for name in sorted(run & set(self._plan.planned)):
            check_planned(self._plan.planned[name], self._plan.asked.samples)


class AnnounceHook:
    """Tells the reader of the console what is being done and, at the end, what came of it."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Take note of what is planned."""
        self._plan = _plan(context)

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Name the node that starts; of work that waits for a worker, the worker does."""
        from gencompare.running import remote

        remote.label.set(node.name)
        if not (remote.is_running() and remote.is_remote(node.func)):
            logger.info("── %s", node.name)

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Say where the report lies, or the table where there is no report, or the samples."""
        for kind in ("report", "table", "samples", "grid"):
            for comparison in (*self._plan.planned, HISTORY, SAMPLE):
                name = naming.dataset(comparison, kind)
                if name in pipeline.outputs():
                    logger.info("%s: %s", kind.capitalize(), catalog[name]._get_load_path())


class EngineHook:
    """Starts the engine that heavy work is sent to, shows how it goes, and stops it at its checkpoints.

    Ctrl-C, a termination signal, or the failure of one node has all work write its checkpoint and end.
    """

    SECONDS_TO_STOP = 3.0

    def __init__(self) -> None:
        self._open = ExitStack()
        atexit.register(self._open.close)

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Take note of what is planned and where the engine is."""
        self._plan, self._data = _plan(context), context.project_path / "data"

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline) -> None:
        """Start it beside what comes first, where nodes run side by side."""
        from gencompare.running import remote
        from gencompare.running.display import Display
        from gencompare.training import progress

        progress.stopping.clear()
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._open.callback(signal.signal, number, signal.signal(number, self._stop))
        self._display = self._open.enter_context(Display())
        self._display.expect(dict(self._trainings(pipeline).values()), workers=1)
        self._open.enter_context(progress.observing(self._display.show))
        any_remote = any(remote.is_remote(node.func) for node in pipeline.nodes)
        if any_remote and "ThreadRunner" in run_params["runner"]:
            self._open.enter_context(remote.running(partial(self._engine, pipeline)))

    @hook_impl
    def after_pipeline_run(self) -> None:
        """End it."""
        self._open.close()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """End it."""
        self._open.close()

    @hook_impl
    def on_node_error(self) -> None:
        """Have all other work write its checkpoint and end, or the run would wait for it."""
        from gencompare.running import remote

        remote.stop()

    def _engine(self, pipeline: Pipeline) -> Engine:
        from gencompare.running.engine import Engine, environments
        from gencompare.running.order import longest_first

        seconds = {label: each for label, (_, each) in self._trainings(pipeline).items()}
        references = {f"{naming.box(name, 'images')}.describe_reference" for name in self._plan.planned}
        address = self._plan.asked.engine
        here = [] if address else environments(len(seconds), self._processes(pipeline))
        order = longest_first(seconds, references & {node.name for node in pipeline.nodes}, max(1, len(here)))
        engine = Engine(order, here, address)
        self._display.expect(dict(self._trainings(pipeline).values()), engine.places)
        return engine

    def _trainings(self, pipeline: Pipeline) -> dict[str, tuple[str, float]]:
        """Return the name of every training of a run and the seconds it may take, by its node."""
        from gencompare.durations import expected_seconds

        names = {node.name for node in pipeline.nodes}
        found: dict[str, tuple[str, float]] = {}
        for name, planned in self._plan.planned.items():
            nodes = {f"{naming.box(name, one.name)}.train": one for one in planned.trainings}
            if names & set(nodes):
                expected = expected_seconds(planned, self._data)
                found |= {
                    node: (one.name, expected[one.contender]) for node, one in nodes.items() if node in names
                }
        return found

    def _processes(self, pipeline: Pipeline) -> int:
        """Return the most processes that a training of a run has."""
        names = {node.name for node in pipeline.nodes}
        return max(
            (
                planned.contenders[one.contender].values["training"]["processes"]
                for name, planned in self._plan.planned.items()
                for one in planned.trainings
                if f"{naming.box(name, one.name)}.train" in names
            ),
            default=1,
        )

    def _stop(self, number: int, frame: object) -> None:
        """Stop at once when asked twice, or when what runs writes no checkpoint."""
        from gencompare.running import remote
        from gencompare.training import progress

        if progress.stopping.is_set():
            raise KeyboardInterrupt
        logger.info("Stopping: checkpoints are being written.")
        logging.getLogger("kedro").setLevel(logging.CRITICAL)  # or each node would say that it has stopped
        remote.stop()
        timer = threading.Timer(self.SECONDS_TO_STOP, remote.give_up)
        timer.daemon = True
        timer.start()
        self._open.callback(timer.cancel)


class TrackingHook:
    """Gives each training an MLflow run of its own, a child of the comparison's run.

    Everything is written down first, and a thread delivers it: a run never waits for MLflow, except at its end for
    some seconds. A training whose run was cut short (killed, failed, interrupted) goes on with that run. Nodes that
    run side by side take turns here.
    """

    SECONDS_AT_THE_END = 8.0
    SECONDS_WHEN_INTERRUPTED = 1.0

    def __init__(self) -> None:
        self._children: dict[str, TrainingRun] = {}
        self._parent: TrackedRun | None = None
        self._sender: Sender | None = None
        self._observing = ExitStack()
        self._turn = RLock()
        atexit.register(self._interrupted)

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Take note of what is planned and where runs are recorded."""
        self._plan = _plan(context)
        self._server = context.config_loader["mlflow"]
        self._spools = context.project_path / "mlspool"

    @hook_impl(trylast=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol
    ) -> None:
        """Start the comparison's run, and listen to training; what trains and scores nothing has no run."""
        from gencompare.pipeline_registry import owners
        from gencompare.provenance import provenance
        from gencompare.tracking.runs import TrackedRun
        from gencompare.tracking.sender import Sender
        from gencompare.tracking.spool import Spool
        from gencompare.training.progress import observing

        names = run_params["pipeline_names"] or ["gan_compare"]
        if SAMPLE in names:
            return  # there is nothing to tell MLflow, so that nothing waits for it
        self._children, self._catalog = {}, catalog
        self._owners = owners(self._plan.comparisons)
        self._origin = provenance()
        self._spool = Spool.begin(self._spools, self._server["tracking_uri"])
        if SCORE in names or any("train" in node.tags for node in pipeline.nodes):
            self._parent = TrackedRun(self._spool, f"{', '.join(names)}, {_now()}", self._origin)
        self._sender = Sender(self._spool, self._server)
        self._observing.enter_context(observing(self._on_row))

    @hook_impl(trylast=True)
    def before_node_run(self, node: Node, inputs: dict[str, Any]) -> None:
        """Open a training's run with its first node."""
        owned = self._owners.get(node.outputs[0]) if self._parent else None
        if owned is not None and owned.training is not None and "report" not in node.tags:
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
                    self._attach_model(child, owned, data)
            elif owned.kind == "prepared":
                self._parent.log_image_set(self._catalog.load(dataset_name).card)
            elif owned.kind in {"report", "table", "costs"}:
                self._parent.log_file(newest_file(self._catalog[dataset_name]))

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Close every run and say where to look."""
        from gencompare.tracking.server import compare_address, runs_address

        children, sender = list(self._children.values()), self._sender
        self._close("FINISHED")
        if sender is None or not (children and sender.is_delivered):
            return
        logger.info("To see the runs in MLflow: make mlflow, then open %s", runs_address(sender.experiment))
        shown = [sender.ids[child.id] for child in children if child.id in sender.ids]
        if shown:
            logger.info("To compare the contenders there: %s", compare_address(shown, sender.experiment))

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Close every run, so that none stays RUNNING."""
        from gencompare.training import progress

        self._close("KILLED" if progress.stopping.is_set() else "FAILED")

    def _open(self, comparison: str, training: Training, inputs: dict[str, Any]) -> None:
        """Open a training's run where it is not yet. By now it is known on how many images it trains."""
        from gencompare.pipelines.modelling.nodes import is_trained
        from gencompare.tracking.runs import TrainingRun

        box = naming.box(comparison, training.name)
        if box in self._children:
            return
        saved = inputs.get(naming.dataset(comparison, "settings", training.name))
        settings = saved or in_force(
            inputs[naming.parameter(comparison, "settings", training.name)],
            inputs[naming.dataset(comparison, "budget", training.contender)],
        )
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
            for child in self._children.values():
                if child.training == training:
                    child.add_row(row)

    def _attach_model(self, child: TrainingRun, owned: Owned, scores: dict[str, Any]) -> None:
        """Attach what a contender has become, once it is scored."""
        from gencompare.reporting.model_card import model_card

        def dataset(kind: str) -> str:
            return naming.dataset(owned.comparison, kind, owned.training.name if owned.training else None)

        settings = self._catalog.load(dataset("settings"))
        cost = self._catalog.load(dataset("cost")) | self._catalog.load(dataset("sampling_cost"))
        images = self._catalog.load(naming.dataset(owned.comparison, "prepared")).card
        card = model_card(owned.comparison, settings, images, cost, scores, self._origin)
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
                self.SECONDS_WHEN_INTERRUPTED if status == "KILLED" else self.SECONDS_AT_THE_END
            )

    def _interrupted(self) -> None:
        """End what is open when the process ends early, by Ctrl-C for one, where no hook is called."""
        if self._parent is not None:
            self._close("KILLED")


def _now() -> str:
    return f"{datetime.now():%Y-%m-%d %H:%M}"


def _plan(context: KedroContext) -> Plan:
    loader = context.config_loader
    assert isinstance(loader, ComparisonConfigLoader)
    return loader.plan
