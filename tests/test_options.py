"""Options as a user gives them: each has its effect or is refused in one line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from kedro.framework.cli.utils import KedroCliError
from kedro.framework.startup import bootstrap_project

from gencompare.cli import cli
from gencompare.config.typed import SettingError
from gencompare.options import Command
from gencompare.training import progress

PROJECT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def give():
    """Give a command of this project, as typed, and return what it ends with."""
    metadata = bootstrap_project(PROJECT)

    def give(words, **environment):
        return CliRunner(env=environment).invoke(cli, words.split(), obj=metadata)

    return give


def test_it_is_said_that_conf_local_is_not_read(give, tmp_path):
    conf = shutil.copytree(PROJECT / "conf", tmp_path / "conf")
    words = f"run --conf-source={conf} --pipelines=scor"
    assert "Warning" not in give(words).output
    (conf / "local").mkdir()
    (conf / "local/parameters.yml").write_text("seeds: 2")
    assert give(words).output.startswith("Warning: conf/local is read with --env=local alone\nError: ")
    assert "Warning" not in give(f"{words} --env=local").output


def assert_refused(ended, said):
    assert ended.exit_code == 1
    assert ended.output.startswith("Error: ")
    assert said in ended.output
    assert ended.output.count("\n") == 1


@pytest.mark.parametrize(
    "words", ["plan gan_compare", "list", "registry list", "run --pipelines=gan_compare"]
)
def test_an_environment_named_by_kedro_env_is_checked(give, words):
    assert_refused(give(words, KEDRO_ENV="smok"), "env='smok': no such folder in conf/; did you mean smoke?")


def test_an_environment_named_by_kedro_env_is_planned_unless_the_option_names_another(give):
    assert "conf/smoke" in give("plan gan_compare", KEDRO_ENV="smoke").output
    assert "conf/smoke" not in give("plan gan_compare --env=base", KEDRO_ENV="smoke").output


REFUSED = {
    "run --params=seeds=2 --params=seed=3": "--params is given twice; give it once, with commas",
    "run --seeds=2 --seeds=3": "--seeds is given twice",
    "run -t report --tags=train": "--tags is given twice",
    "plan gan_compare --diff dcgan lsgan --diff dcgan vae": "--diff is given twice",
    "prune --keep=1 --keep=2": "--keep is given twice",
    "run --pipeline=gan_compare --pipelines=score": "--pipeline and --pipelines: give one of the two",
    "plan gan_compare --params=budget=5 --minutes=3": "budget=5: must be settings by name, such as budget.minutes=5",
    "run --conf-source=/etc/hostname": "conf-source=/etc/hostname: must be a folder that has base/ in it",
    "run --conf-source=/usr": "conf-source=/usr: must be a folder that has base/ in it",
    "plan gan_compare --params=training.kimg=2 --minutes=1": "training.kimg: budget.minutes says how long training is",
    "plan gan_compare --params=samples=x.npz": "samples: has no effect on gan_compare",
    "run --load-versions=x": "form of 'load_versions' to be 'dataset_name:YYYY-MM-DDThh.mm.ss.sssZ',found x instead",
    "run --load-versions=gan_compare.prepared:..": "Version string '..' is not allowed",
}


@pytest.mark.parametrize(("words", "said"), REFUSED.items(), ids=REFUSED)
def test_refused_in_one_line(give, words, said):
    assert_refused(give(words), said)


def test_a_flag_may_be_given_twice(give):
    assert give("plan gan_compare --debug --debug").exit_code == 0


def test_what_kedro_refuses_is_told_in_its_words():
    def refuse():
        raise KedroCliError("Two\nlines")

    assert_refused(CliRunner().invoke(Command("one", callback=refuse), []), "Two lines")


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (SettingError("lr=-1: too small"), "lr=-1: too small"),
        (None, "stopped; the same command goes on from here"),
    ],
)
def test_what_failed_counts_and_not_what_was_stopped_for_it(monkeypatch, failure, said):
    def stopped():
        raise progress.Stopped

    monkeypatch.setattr(progress, "failure", failure)
    assert_refused(CliRunner().invoke(Command("one", callback=stopped), []), said)


def test_a_bug_that_others_were_stopped_for_is_shown_whole(monkeypatch):
    def stopped():
        raise progress.Stopped

    bug = ZeroDivisionError("a bug")
    monkeypatch.setattr(progress, "failure", bug)
    assert CliRunner().invoke(Command("one", callback=stopped), []).exception is bug


OPTIONS = {
    "unknown": (
        "run: {pipelin: score}",
        "Key `pipelin` in provided configuration is not valid. Did you mean",
    ),
    "no_yaml": ("run: {pipeline: [", "line 2: "),
    "list": ("- run", "must be settings by name"),
    "of_another_command": ("plan: {env: smoke}", "must hold the options in a block `run:`"),
    "no_block": ("run: score", "must hold the options in a block `run:`"),
    "empty": ("", "must hold the options in a block `run:`"),
}


@pytest.mark.parametrize(("content", "said"), OPTIONS.values(), ids=OPTIONS)
def test_a_file_of_options_is_refused_in_one_line(give, tmp_path, content, said):
    (tmp_path / "odd.yml").write_text(content)
    assert_refused(give(f"run --config={tmp_path}/odd.yml"), said)


def test_a_file_of_options_is_taken(give, tmp_path):
    (tmp_path / "own.yml").write_text("run: {pipeline: scor}")
    assert_refused(give(f"run --config={tmp_path}/own.yml"), "pipeline='scor': unknown; did you mean score?")
