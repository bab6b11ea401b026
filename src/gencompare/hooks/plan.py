"""What a session would run, composed and checked before it runs."""

from __future__ import annotations

import logging
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.pipeline import Pipeline

from gencompare.catalog.whole import WholeCatalog
from gencompare.comparisons import SAMPLE, asked_for
from gencompare.config.check import check_prepared, check_run
from gencompare.config.plan import Plan, Planned
from gencompare.config.typed import build
from gencompare.config_loader import ComparisonConfigLoader
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.imagesets.arrays import ImageSplits
from gencompare.pipelines import naming

logger = logging.getLogger(__name__)


def plan_of(context: KedroContext) -> Plan:
    """What this session would run."""
    loader = context.config_loader
    assert isinstance(loader, ComparisonConfigLoader)
    return loader.plan


class PlanHook:
    """Composes what this session's files and command line ask for, and refuses what cannot work before it runs."""

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Register the comparisons with the contenders and seeds of this session."""
        from gencompare.pipeline_registry import compose_all

        self._plan = plan_of(context)
        pipelines.configure(None)  # or Kedro would compose the files' own first
        pipelines.update(compose_all(self._plan.comparisons))

    @hook_impl(tryfirst=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: WholeCatalog
    ) -> None:
        """Check every comparison that the run touches, and what is to be sampled."""
        self._catalog, self._said = catalog, set[str]()
        run = set(asked_for(run_params["pipeline_names"]))
        check_run(self._plan, run)
        if SAMPLE in run:
            from gencompare.sampling.saved import answer

            answer(catalog.load("models"), self._plan.request)  # a node would fail in more than one line
        for name in sorted(run & set(self._plan.planned)):
            prepared = naming.dataset(name, "prepared")
            if prepared in pipeline.datasets() and catalog.exists(prepared):
                self._look_at(self._plan.planned[name], catalog.load(prepared))

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        """Look at images once they are prepared anew."""
        for name, planned in self._plan.planned.items():
            if dataset_name == naming.dataset(name, "prepared"):
                self._look_at(planned, self._catalog.load(dataset_name))

    def _look_at(self, planned: Planned, prepared: ImageSplits) -> None:
        """Say what is remarkable about images, once, and refuse before training what they do not allow."""
        from gencompare.evaluation.scoring import comparable
        from gencompare.reporting.profile import alerts

        comparable(prepared, build(EvaluationSettings, planned.evaluation.values, "evaluation"))
        check_prepared(planned, prepared)
        for alert in alerts(prepared.card):
            if alert not in self._said:
                logger.warning("%s: %s", planned.image_set.values["name"], alert)
                self._said.add(alert)
