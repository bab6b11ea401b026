"""Options as a user gives them: each has its effect or is refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project

from gencompare.cli import cli

PROJECT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def give():
    """Give a command of this project, as typed, and return what it ends with."""
    metadata = bootstrap_project(PROJECT)

    def give(words, **environment):
        return CliRunner(env=environment).invoke(cli, words.split(), obj=metadata)

    return give


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
}


@pytest.mark.parametrize(("words", "said"), REFUSED.items(), ids=REFUSED)
def test_refused_in_one_line(give, words, said):
    assert_refused(give(words), said)


def test_a_flag_may_be_given_twice(give):
    assert give("plan gan_compare --debug --debug").exit_code == 0
