"""A run is known as such while it lasts, so that nothing that it reuses is removed meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl

from gencompare.catalog.whole import WholeCatalog
from gencompare.running.under_way import under_way


class UnderWayHook:
    """Holds a run's lock around all that other hooks do: they choose what is reused first, and attach it last."""

    def __init__(self) -> None:
        self._open = ExitStack()

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Take note of where artifacts are."""
        self._data = context.project_path / "data"

    @hook_impl(hookwrapper=True)
    def before_pipeline_run(self, catalog: WholeCatalog) -> Iterator[None]:
        """Begin, and end at once where another hook refuses the run: Kedro then tells nobody."""
        self._open.enter_context(under_way(self._data, catalog.version))
        outcome: Any = yield
        if outcome.excinfo is not None:
            self._open.close()

    @hook_impl(hookwrapper=True)
    def after_pipeline_run(self) -> Iterator[None]:
        """End."""
        yield
        self._open.close()

    @hook_impl(hookwrapper=True)
    def on_pipeline_error(self) -> Iterator[None]:
        """End."""
        yield
        self._open.close()
