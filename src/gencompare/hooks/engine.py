"""The engine around a run: it starts with it, shows how it goes, and stops at its checkpoints."""

from __future__ import annotations

import atexit
import logging
import signal
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from gencompare.catalog.whole import WholeCatalog
from gencompare.comparisons import Training
from gencompare.config.plan import Planned
from gencompare.hooks.plan import plan_of
from gencompare.pipelines import naming

if TYPE_CHECKING:
    from gencompare.running.engine import Engine

logger = logging.getLogger(__name__)


class EngineHook:
    """Starts the engine that heavy work is sent to, shows how it goes, and stops it at its checkpoints.

    Ctrl-C, a termination signal, or the failure of one node, of loading or saving, or of another hook has all work write
    its checkpoint and end.
    """

    SECONDS_TO_STOP = 3.0

    def __init__(self) -> None:
        self._open = ExitStack()
        atexit.register(self._open.close)

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Take note of what is planned and where the engine is; what stopped an earlier run stops this one not."""
        from gencompare.training import progress

        progress.stopping.clear()
        progress.interrupted.clear()
        progress.failure = None
        self._plan, self._data = plan_of(context), context.project_path / "data"

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: WholeCatalog
    ) -> None:
        """Start it beside what comes first, where nodes run side by side."""
        from gencompare.running import remote
        from gencompare.running.display import Display
        from gencompare.training import progress

        catalog.when_failing = remote.stop
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._open.callback(signal.signal, number, signal.signal(number, self._stop))
        nodes = catalog.to_run(pipeline, run_params["only_missing_outputs"])
        self._display = self._open.enter_context(Display())
        trainings = self._trainings(nodes)
        self._names = {node: one.name for node, _, one in trainings}
        expected = self._expected(trainings)
        self._display.expect({self._names[node]: each for node, each in expected.items()}, workers=1)
        self._open.enter_context(progress.observing(self._display.show))
        any_remote = any(remote.is_remote(node.func) for node in nodes)
        if any_remote and "ThreadRunner" in run_params["runner"]:
            self._open.enter_context(remote.running(partial(self._engine, pipeline, nodes, expected)))

    @hook_impl(hookwrapper=True)
    def before_node_run(self) -> Iterator[None]:
        """Have all other work end where another hook fails: Kedro tells nobody of that, and waits for all nodes."""
        yield from _ending_others()

    @hook_impl(hookwrapper=True)
    def after_dataset_saved(self) -> Iterator[None]:
        """Have all other work end where another hook fails."""
        yield from _ending_others()

    @hook_impl
    def after_node_run(self, node: Node) -> None:
        """Count a training that is over."""
        if node.name in self._names:
            self._display.done(self._names[node.name])

    @hook_impl
    def after_pipeline_run(self) -> None:
        """End it."""
        self._open.close()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """End it."""
        self._open.close()

    @hook_impl
    def on_node_error(self, error: Exception, node: Node) -> None:
        """Have all other work write its checkpoint and end, or the run would wait for it. Where one contender alone
        has too little memory, the others' work goes on to its end: the next run finds it done."""
        from gencompare.running import remote
        from gencompare.running.exhaustion import OutOfMemory

        error.add_note(f"In the node {node.name}")  # which a traceback shows
        if isinstance(error, OutOfMemory):
            logger.error("%s: out of memory; what else is under way goes on to its end.", node.name)
        else:
            remote.stop(error)

    def _engine(self, pipeline: Pipeline, nodes: Sequence[Node], expected: Mapping[str, float]) -> Engine:
        """Start it as large as for all of a pipeline, whatever is left of that: results depend on threads a worker."""
        from gencompare.running.engine import Engine, environments
        from gencompare.running.order import longest_first

        references = {f"{naming.box(name, 'images')}.describe_reference" for name in self._plan.planned}
        address, every = self._plan.asked.engine, self._trainings(pipeline.nodes)
        here = [] if address else environments(len(every), _most_processes(every))
        order = longest_first(expected, references & {node.name for node in nodes}, max(1, len(here)))
        engine = Engine(order, here, address)
        self._display.expect({self._names[node]: each for node, each in expected.items()}, engine.places)
        return engine

    def _trainings(self, nodes: Sequence[Node]) -> list[tuple[str, Planned, Training]]:
        """Return the trainings of a run: the node of each, its comparison, and itself."""
        names = {node.name for node in nodes}
        every = (
            (f"{naming.box(name, one.name)}.train", planned, one)
            for name, planned in self._plan.planned.items()
            for one in planned.trainings
        )
        return [training for training in every if training[0] in names]

    def _expected(self, trainings: Sequence[tuple[str, Planned, Training]]) -> dict[str, float]:
        """Return the seconds that each may take, by its node."""
        from gencompare.durations import expected_seconds

        planned = {one.name: one for _, one, _ in trainings}
        seconds = {name: expected_seconds(one, self._data) for name, one in planned.items()}
        return {node: seconds[whose.name][one.contender] for node, whose, one in trainings}

    def _stop(self, number: int, frame: object) -> None:
        """Stop at once when asked twice, or when what runs writes no checkpoint."""
        from gencompare.running import remote
        from gencompare.training import progress

        if progress.stopping.is_set():
            raise KeyboardInterrupt
        progress.interrupted.set()
        logger.info("Stopping: checkpoints are being written.")
        remote.stop()
        timer = threading.Timer(self.SECONDS_TO_STOP, remote.give_up)
        timer.daemon = True
        timer.start()
        self._open.callback(timer.cancel)


def _most_processes(trainings: Sequence[tuple[str, Planned, Training]]) -> int:
    """Return the most processes that one of them has."""
    return max(
        (planned.contenders[one.contender].values["training"]["processes"] for _, planned, one in trainings),
        default=1,
    )


def _ending_others() -> Generator[None, Any, None]:
    from gencompare.running import remote

    outcome = yield
    if outcome.excinfo is not None:
        remote.stop(outcome.excinfo[1])
