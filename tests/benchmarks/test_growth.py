"""Facts about what runs are said to have taken, and how that grows."""

from __future__ import annotations

import os

import pytest


def test_exponents_are_those_of_powers(benchmark_script):
    exponents = benchmark_script("growth").exponents
    assert exponents([1, 2, 4, 8], [3, 6, 12, 24]) == pytest.approx((1.0, 1.0))
    assert exponents([1, 4, 16], [1, 2, 32]) == pytest.approx((2.0, 1.25))


def test_time_under_several_nodes_counts_once(benchmark_script):
    covered = benchmark_script("kedro_run")._covered
    assert covered([(1.0, 3.0), (2.0, 4.0), (2.5, 2.6), (6.0, 7.0)]) == pytest.approx(4.0)
    assert covered([]) == 0.0


def test_memory_is_that_of_the_process_and_of_none_that_has_ended(benchmark_script):
    memory = benchmark_script("kedro_run")._memory_mb
    assert memory(os.getpid()) > 50
    assert memory(2**22 + 1) == 0.0  # above the largest process number


def test_a_copy_has_what_runs_and_no_data(benchmark_script):
    with benchmark_script("kedro_run").copy() as project:
        assert (project / "conf" / "base" / "parameters.yml").is_file()
        assert (project / "src" / "gencompare" / "settings.py").is_file()
        assert not (project / "data").exists()
    assert not project.exists()
