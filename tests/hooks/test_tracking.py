"""Which MLflow run hears of a history row."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from gencompare.hooks.tracking import TrackingHook
from gencompare.training import progress


def test_a_row_goes_to_the_one_training_of_its_name_and_to_none_where_there_are_two():
    """Two comparisons of one run may each have a `vae`, on other images: rows bear its name alone."""
    heard = {box: [] for box in ("gan.vae", "gan.ddpm", "bird.vae")}
    hook = TrackingHook()
    for box, rows in heard.items():
        hook._children[box] = SimpleNamespace(training=box.partition(".")[2], add_row=rows.append)
    for training in ("vae", "ddpm"):
        hook._on_row(training, {"kimg": 1.0}, 2.0)
    assert heard == {"gan.vae": [], "gan.ddpm": [{"kimg": 1.0}], "bird.vae": []}


@pytest.mark.parametrize(("asked", "status"), [(False, "FAILED"), (True, "KILLED")])
def test_a_failure_that_stops_all_else_is_no_interrupt(monkeypatch, asked, status):
    closed = []
    hook = TrackingHook()
    monkeypatch.setattr(hook, "_close", closed.append)
    try:
        progress.stopping.set()
        if asked:
            progress.interrupted.set()
        hook.on_pipeline_error()
    finally:
        progress.stopping.clear()
        progress.interrupted.clear()
    assert closed == [status]
