"""The runner of `kedro run`: order, turns, and that it is the default."""

from __future__ import annotations

import threading
import time

import pytest
from click.testing import CliRunner
from kedro.framework.cli.project import run as kedro_run
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline

from gencompare import runner as module
from gencompare.cli import cli
from gencompare.runner import SideBySideRunner


class Notes:
    """Nodes that take down when they ran, and where."""

    def __init__(self):
        self.started, self.threads, self.now, self.most = [], set(), 0, 0
        self.lock = threading.Lock()

    def node(self, name, inputs, output, fails=False, trains=False):
        def work(*_):
            with self.lock:
                self.started.append(name)
                self.threads.add(threading.current_thread())
                self.now += 1
                self.most = max(self.most, self.now)
            time.sleep(0.05)
            with self.lock:
                self.now -= 1
            if fails:
                raise ValueError(f"{name} failed")
            return name

        return Node(work, inputs=inputs, outputs=output, name=name, tags=["train"] * trains)

    def pipeline(self, failing=None):
        first = [
            self.node(f"train_{x}", "images", f"weights_{x}", fails=x == failing, trains=True)
            for x in "abcdef"
        ]
        second = [self.node(f"sample_{x}", f"weights_{x}", f"samples_{x}") for x in "abcdef"]
        last = self.node("report", [f"samples_{x}" for x in "abcdef"], "report")
        return Pipeline([*first, *second, last])


@pytest.fixture
def notes():
    return Notes()


def run(pipeline, at_once):
    catalog = DataCatalog({"images": MemoryDataset(1)})
    return SideBySideRunner(max_workers=at_once).run(pipeline, catalog)


def test_runs_as_many_at_once_as_it_may_in_the_order_of_the_graph(notes):
    result = run(notes.pipeline(), at_once=2)
    assert result["report"].load() == "report"
    assert notes.most == 2
    assert set(notes.started[:6]) == {f"train_{x}" for x in "abcdef"}
    assert set(notes.started[:2]) == {"train_a", "train_b"}
    assert notes.started[-1] == "report"


def test_one_at_a_time_is_this_thread(notes):
    run(notes.pipeline(), at_once=1)
    assert notes.most == 1
    assert notes.threads == {threading.current_thread()}


def test_one_training_alone_has_nothing_to_run_beside(notes):
    nodes = [
        notes.node("train", "images", "weights", trains=True),
        notes.node("describe", "images", "reference"),
    ]
    run(Pipeline(nodes), at_once=8)
    assert notes.threads == {threading.current_thread()}


def test_a_failure_ends_the_run_and_starts_nothing_more(notes):
    with pytest.raises(ValueError, match="train_b failed"):
        run(notes.pipeline(failing="b"), at_once=2)
    assert len(notes.started) <= 4 and "report" not in notes.started


def test_one_node_at_once_with_cuda(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert SideBySideRunner()._max_workers == 1
    assert SideBySideRunner(max_workers=3)._max_workers == 3


def test_as_many_as_cores_without_cuda(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(module.joblib, "cpu_count", lambda: 5)
    assert SideBySideRunner()._max_workers == 5


def test_kedro_run_uses_it_unless_told_otherwise():
    (ours,) = (parameter for parameter in cli.commands["run"].params if parameter.name == "runner")
    (theirs,) = (parameter for parameter in kedro_run.params if parameter.name == "runner")
    assert ours.default == f"{SideBySideRunner.__module__}.{SideBySideRunner.__name__}"
    assert theirs.default is None
    assert "--runner" in CliRunner().invoke(cli, ["run", "--help"]).output
