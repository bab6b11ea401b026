"""What ends a run's other work."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from kedro.framework.hooks import hook_impl
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.pipeline import Pipeline, node
from kedro.runner import ThreadRunner

from gencompare.catalog.whole import WholeCatalog
from gencompare.hooks.engine import EngineHook
from gencompare.running.exhaustion import OutOfMemory
from gencompare.training import progress

SECONDS = 30.0
"""So long the other work takes if nobody stops it."""


class Broken:
    """A hook that fails, before a node or after its dataset was saved."""

    def __init__(self, when):
        self.when = when

    @hook_impl
    def before_node_run(self, node):
        if self.when == "before" and node.name == "quick":
            raise ValueError("broken")

    @hook_impl
    def after_dataset_saved(self, dataset_name):
        # Not "whether" too: of two failures Kedro raises either.
        if self.when == "after" and dataset_name == "made":
            raise ValueError("broken")


@pytest.mark.parametrize("failing", ["load", "save", "before", "after"])
def test_what_fails_outside_a_node_ends_other_work_too(tmp_path, failing):
    entry = {"type": "json.JSONDataset"}
    catalog = WholeCatalog.from_config(
        {name: entry | {"filepath": f"{tmp_path}/{name}.json"} for name in ("given", "made")}
    )
    if failing != "load":
        (tmp_path / "given.json").write_text("{}")
    value = object() if failing == "save" else 1
    slow = node(lambda: progress.stopping.wait(SECONDS), None, "whether", name="slow")
    pipeline = Pipeline([slow, node(lambda given: value, "given", "made", name="quick")])
    hook, hooks = EngineHook(), _create_hook_manager()
    hook._plan = SimpleNamespace(planned={})
    hooks.register(hook)
    hooks.register(Broken(failing))
    started = time.monotonic()
    try:
        hook.before_pipeline_run({"only_missing_outputs": False, "runner": "ThreadRunner"}, pipeline, catalog)
        with pytest.raises(Exception, match="given|made|broken") as raised:
            ThreadRunner().run(pipeline, catalog, hooks)
        assert progress.failure is raised.value
    finally:
        hook.on_pipeline_error()
        progress.stopping.clear()
        progress.failure = None
    assert time.monotonic() - started < SECONDS / 2


def test_where_one_has_too_little_memory_others_go_on_and_where_it_fails_otherwise_they_end():
    failed = SimpleNamespace(name="gan_compare.dcgan.train")
    try:
        EngineHook().on_node_error(OutOfMemory("out of memory"), failed)
        assert not progress.stopping.is_set()
        EngineHook().on_node_error(progress.Stopped(), failed)
        assert progress.failure is None
        first = ValueError("broken")
        EngineHook().on_node_error(first, failed)
        EngineHook().on_node_error(ValueError("broken for the first is"), failed)
        assert progress.failure is first
        assert first.__notes__ == ["In the node gan_compare.dcgan.train"]
        assert progress.stopping.is_set()
        assert not progress.interrupted.is_set()
    finally:
        progress.stopping.clear()
        progress.failure = None


def test_what_fails_while_all_are_stopped_by_hand_is_not_what_they_stop_for():
    progress.interrupted.set()
    try:
        progress.blame(ValueError("the engine is gone"))
        assert progress.failure is None
    finally:
        progress.interrupted.clear()
