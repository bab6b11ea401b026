"""The runner of `kedro run`: on CPUs, contenders side by side."""

from __future__ import annotations

import logging
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

import joblib
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro.runner import ThreadRunner
from kedro.runner.task import Task
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from pluggy import PluginManager

logger = logging.getLogger(__name__)

# What every training imports; the second, behind torch's FLOP counter, takes it a second and a half.
PRELOAD = ("gencompare.pipelines.modelling.nodes", "torch._dynamo")


class SideBySideRunner(ThreadRunner):
    """Runs as many nodes at once as there are cores, which share them out; each training in its own process.

    Kedro's ThreadRunner starts nodes in an order that differs from run to run, so that a long training may
    start last and keep one core busy while the others rest; here they start in the order of the graph. With
    CUDA, and where fewer than two contenders are trained, nodes run one after another in this process.
    """

    def __init__(self, max_workers: int | None = None, is_async: bool = False) -> None:
        """Make a runner.

        Args:
            max_workers: nodes at once; as many as there are cores, and one with CUDA, unless given.
            is_async: as of ThreadRunner, without effect.
        """
        import torch

        self._cores = joblib.cpu_count()
        super().__init__(max_workers or (1 if torch.cuda.is_available() else self._cores), is_async)

    def _get_required_workers_count(self, pipeline: Pipeline) -> int:
        """One training alone may have all cores, and what else there is gains little from company."""
        trainings = sum("train" in node.tags for node in pipeline.nodes)
        return max(1, min(trainings, self._max_workers))

    def _get_executor(self, max_workers: int) -> Executor | None:  # type: ignore[override]
        return None if max_workers == 1 else super()._get_executor(max_workers)

    def _run(
        self,
        pipeline: Pipeline,
        catalog: CatalogProtocol,
        hook_manager: PluginManager | None = None,
        run_id: str | None = None,
    ) -> None:
        at_once = self._get_required_workers_count(pipeline)
        if at_once == 1:
            super()._run(pipeline, catalog, hook_manager, run_id)
            return
        import torch

        from gencompare.training.apart import side_by_side, stop
        from gencompare.training.device import pick_device

        threads, before = max(1, self._cores // at_once), torch.get_num_threads()
        logger.info("Up to %d nodes run at once, with %d thread(s) each.", at_once, threads)
        torch.set_num_threads(threads)
        pick_device()  # says what it works on, once and first
        try:
            with (
                threadpool_limits(threads),
                side_by_side(threads, PRELOAD),
                ThreadPoolExecutor(at_once) as pool,
            ):
                try:
                    self._run_in(pool, at_once, pipeline, catalog, hook_manager, run_id)
                except BaseException:
                    stop()  # or the pool would wait for trainings to end
                    raise
        finally:
            torch.set_num_threads(before)

    def _run_in(
        self,
        pool: ThreadPoolExecutor,
        at_once: int,
        pipeline: Pipeline,
        catalog: CatalogProtocol,
        hook_manager: PluginManager | None,
        run_id: str | None,
    ) -> None:
        needs = pipeline.node_dependencies
        left = list(pipeline.nodes)
        users = {name: sum(name in node.inputs for node in left) for name in pipeline.datasets()}
        done: set[Node] = set()
        running: set[Future[Node]] = set()
        while left or running:
            ready = [node for node in left if needs[node] <= done]
            for node in ready[: at_once - len(running)]:
                task = Task(node, catalog, is_async=False, hook_manager=hook_manager, run_id=run_id)
                running.add(pool.submit(task))
                left.remove(node)
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                try:
                    node = future.result()
                except Exception:
                    self._suggest_resume_scenario(pipeline, done, catalog)
                    raise
                done.add(node)
                self._release_datasets(node, catalog, users, pipeline)
