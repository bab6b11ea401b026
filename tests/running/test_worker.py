"""What a worker says: before its machine runs out of memory, and of its code."""

from __future__ import annotations

from importlib.metadata import version
from types import SimpleNamespace

import pytest
import torch

from gencompare.running import worker


@pytest.mark.parametrize(("free", "warns"), [(0.04, True), (0.06, False)])
def test_little_memory_is_told_in_one_line_that_names_the_work_and_what_to_do(monkeypatch, free, warns):
    memory = SimpleNamespace(total=100 * 2**30, available=free * 100 * 2**30)
    monkeypatch.setattr(worker.psutil, "virtual_memory", lambda: memory)
    said = worker.memory_warning("gan-ddpm.train")
    assert (said is not None) == warns
    if warns:
        assert said.startswith("gan-ddpm.train: 4.0 GB of the machine's 100.0 GB")
        assert "training.batch_size" in said and "\n" not in said


def test_workers_are_held_to_the_build_of_torch_and_the_versions_that_results_depend_on():
    said = worker.code()
    assert f"torch {torch.__version__}" in said  # with its build: +cpu is not +cu130
    assert all(f"{name} {version(name)}" in said for name in ("numpy", "scipy", "scikit-learn"))
