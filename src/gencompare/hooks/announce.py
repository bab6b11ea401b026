"""What the reader of the console is told of a run."""

from __future__ import annotations

import logging

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from gencompare.comparisons import HISTORY, SAMPLE
from gencompare.hooks.plan import plan_of
from gencompare.pipelines import naming

logger = logging.getLogger(__name__)


class AnnounceHook:
    """Tells the reader of the console what is being done and, at the end, what came of it."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Take note of what is planned."""
        self._plan, self._is_idle = plan_of(context), True

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Name the node that starts; of work that waits for a worker, the worker does."""
        from gencompare.running import remote

        self._is_idle = False
        remote.label.set(node.name)
        if not (remote.is_running() and remote.is_remote(node.func)):
            logger.info("── %s", node.name)

    @hook_impl
    def before_pipeline_run(self, catalog: CatalogProtocol) -> None:
        """Take note of where things are saved."""
        self._catalog = catalog

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        """Say where the page about the images lies while they train: some stop here and mend their images."""
        for name, planned in self._plan.planned.items():
            if dataset_name == naming.dataset(name, "profile"):
                page = self._catalog[dataset_name]._get_load_path()
                logger.info("%s: what these images are: %s", planned.image_set.values["name"], page)

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Say where the report lies, or the table where there is no report, or the samples; of a run that had nothing
        to do, what came out before."""
        if self._is_idle and pipeline.nodes:
            logger.info(
                "Nothing to do: all is made from these settings, images and code; --remake makes it again."
            )
            for name in self._plan.planned:
                origin = naming.dataset(name, "origin")
                if origin in pipeline.outputs():
                    logger.info("\n%s\n", "\n".join(catalog.load(origin)["answer"]["said"]))
        for kind in ("report", "table", "samples", "grid"):
            for comparison in (*self._plan.planned, HISTORY, SAMPLE):
                name = naming.dataset(comparison, kind)
                if name in pipeline.outputs():
                    logger.info("%s: %s", kind.capitalize(), catalog[name]._get_load_path())
