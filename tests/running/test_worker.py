"""What a worker says before its machine runs out of memory."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

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
