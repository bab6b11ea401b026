"""`kedro plan`, `kedro list` and the options of `kedro run`, as a user calls them."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from gencompare.cli import cli
from gencompare.config_loader import ComparisonConfigLoader
from gencompare.settings import CONFIG_LOADER_ARGS

PROJECT = Path(__file__).parents[1]


def kedro(*words):
    done = subprocess.run(
        [sys.executable, "-m", "kedro", *words], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_plan_prints_every_setting_in_force_and_where_it_comes_from():
    code, said, _ = kedro(
        "plan", "gan_compare", "--env=smoke", "--params=training.lr=0.5", "--seeds=3", "--kimg=7"
    )
    assert code == 0
    lines = {tuple(line.split()) for line in said.splitlines()}
    assert ("trainings", "21:", "7", "contenders,", "seeds", "0,", "1,", "2") in lines
    assert ("budget", "7", "kimg") in lines
    assert ("training.lr", "0.5", "command", "line") in lines
    assert ("training.kimg", "7", "budget") in lines
    assert ("training.rows", "10", "conf/smoke:", "training") in lines
    assert ("training.decay_from", "0.5", "default") in lines
    assert ("model.width", "8", "conf/smoke:", "like", "dcgan") in lines
    assert ("count", "256", "conf/smoke") in lines


def test_plan_shows_differences_alone():
    code, said, _ = kedro("plan", "gan_compare", "--diff", "dcgan", "lsgan")
    assert code == 0
    assert [line.split() for line in said.splitlines()] == [
        ["setting", "dcgan", "from", "lsgan", "from"],
        ["objective.name", "vanilla", "conf/base", "lsgan", "conf/base"],
        ["training.lr", "0.001", "conf/base"],
        ["training.lr.generator", "0.0015", "conf/base"],
        ["training.lr.discriminator", "0.0002", "conf/base"],
    ]


def test_list_names_everything_there_is():
    code, said, _ = kedro("list")
    assert code == 0
    for name in (
        "squares",
        "fashion_mnist",
        "dcgan",
        "ddpm_on_1000",
        "vae_compare",
        "dpm_solver",
        "coverage",
    ):
        assert any(line.split()[:1] == [name] for line in said.splitlines()), name


@pytest.mark.alone
@pytest.mark.parametrize("words", [("plan", "gan_compare"), ("list",), ("registry", "list")])
def test_they_answer_at_once_without_torch_or_mlflow(words):
    script = (
        "import sys; from kedro.framework.cli.cli import main; sys.argv = ['kedro', *sys.argv[1:]]\n"
        "try: main()\n"
        "finally: print(sorted({'torch', 'mlflow', 'pandas', 'sklearn', 'scipy'} & sys.modules.keys()), file=sys.stderr)"
    )
    fastest = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", script, *words], cwd=PROJECT, capture_output=True, text=True, check=True
        )
        fastest = min(fastest, time.perf_counter() - started)
        assert done.stderr.splitlines()[-1] == "[]"
        if fastest < 3:
            break
    assert fastest < 3


def test_help_shows_how_to_choose():
    said = CliRunner().invoke(cli, ["run", "--help"]).output
    for option in ("--dataset", "--contenders", "--seeds", "--minutes", "--kimg", "--petaflops", "--params"):
        assert option in said


def test_the_pipelines_that_are_listed_are_those_that_are_composed():
    from gencompare.pipeline_registry import compose_all

    loader = ComparisonConfigLoader(str(PROJECT / "conf"), **CONFIG_LOADER_ARGS)
    comparisons = loader.plan.comparisons
    code, said, _ = kedro("registry", "list")
    assert code == 0
    assert yaml.safe_load(said) == sorted(compose_all(comparisons))
    assert kedro("registry", "describe", "score")[0] == 0
