"""What contributors rely on: skips that depend on no public CI's variables, and hooks equal to CI's lint."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from .conftest import absent

PROJECT = Path(__file__).parents[1]


def test_what_is_absent_is_skipped_in_a_public_ci(monkeypatch):
    monkeypatch.setenv("CI", "true")
    monkeypatch.delenv("GENCOMPARE_REQUIRE_ALL", raising=False)
    with pytest.raises(pytest.skip.Exception, match="a unicorn"):
        absent("a unicorn")


def test_what_is_absent_fails_where_everything_is_required(monkeypatch):
    monkeypatch.setenv("GENCOMPARE_REQUIRE_ALL", "1")
    with pytest.raises(pytest.fail.Exception, match="a unicorn"):
        absent("a unicorn")


def test_pre_commit_and_ci_run_the_same_lint():
    (repo,) = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())["repos"]
    jobs = yaml.safe_load((PROJECT / ".github/workflows/ci.yml").read_text())["jobs"]
    steps = [step.get("run") for step in jobs["lint"]["steps"]]
    assert [hook["entry"] for hook in repo["hooks"]] == ["make lint"]
    assert "make lint" in steps
    assert "make lint" in (PROJECT / ".ci/run").read_text().splitlines()
