"""Every command that the README and the docs show is one that the project takes, down to each parameter."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

import click
import pytest
from distributed.cli import dask_scheduler, dask_worker

from gencompare import describe
from gencompare.cli import _parameters, cli
from gencompare.comparisons import registered_names
from gencompare.config.check import check_given
from gencompare.config.layers import Sources
from gencompare.config.plan import Plan
from gencompare.config.typed import SettingError
from gencompare.config_loader import ComparisonConfigLoader
from gencompare.pipeline_registry import compose
from gencompare.settings import CONFIG_LOADER_ARGS

PROJECT = Path(__file__).parents[2]
PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").rglob("*.md"))]
PLACEHOLDERS = {"<image set>": "squares", "<folder or .npz or .npy>": "/my/samples", "NAME": "gan_compare"}
FENCE = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:kedro|make|dask|python) [^`]+)`")
DASK = {"scheduler": dask_scheduler.main, "worker": dask_worker.main}


def commands(text):
    """Yield program and words of every command of a page: of its bash blocks, and in the middle of its prose."""
    lines = [line for block in FENCE.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    lines += INLINE.findall(FENCE.sub("", text))
    for placeholder, value in PLACEHOLDERS.items():
        lines = [line.replace(placeholder, value) for line in lines]
    for line in lines:
        for part in re.split(r"\s&&?(?:\s|$)", line):
            words = shlex.split(part, comments=True)
            while words and re.match(r"[A-Z_]+=|srun$", words[0]):
                words = words[1:]
            program = words[0].removeprefix(".venv/bin/") if words else ""
            if program in {"kedro", "make", "dask", "python"}:
                yield program, tuple(words[1:])


FOUND = {
    f"{page.relative_to(PROJECT).as_posix()}: {shlex.join([program, *words])}": (program, words)
    for page in PAGES
    for program, words in commands(page.read_text())
}


def check(program, words):
    """Refuse a command that would be refused, without running it.

    Raises:
        ClickException: for an unknown option, parameter, contender, comparison, image set or tag.
        AssertionError: for an unknown target, command or file.
    """
    if program == "make":
        dry = subprocess.run(["make", "-n", *words], cwd=PROJECT, capture_output=True, text=True, check=False)
        assert dry.returncode == 0, dry.stderr
    elif program == "python":
        script, *options = words[2:] if words[0] == "-W" else words
        text = (PROJECT / script).read_text()
        assert all(word in text for word in options if word.startswith("--"))
    elif program == "dask":
        given = DASK[words[0]].make_context(f"dask {words[0]}", list(words[1:])).params
        assert all(importlib.util.find_spec(module) for module in given["preload"])
    elif words[0] == "viz":
        assert entry_points(group="kedro.project_commands", name="viz")
    elif words[0] in {"run", "plan"} and len(words) > 1:
        options = cli.commands[words[0]].make_context(f"kedro {words[0]}", list(words[1:])).params
        given = _parameters(options)
        (check_run if words[0] == "run" else check_plan)(Plan(Sources(files(options["env"]), given)), options)
    else:
        found, rest = cli, list(words)
        while rest and isinstance(found, click.Group):
            assert rest[0] in found.commands, rest[0]
            found = found.commands[rest.pop(0)]
        if rest:
            found.make_context(shlex.join(words), rest)


@cache
def files(env):
    return ComparisonConfigLoader(str(PROJECT / "conf"), env=env, **CONFIG_LOADER_ARGS).plan.sources.files


def check_run(plan, options):
    name = options["pipeline"] or options["pipelines"][0]
    assert name in registered_names(plan.comparisons)
    check_given(plan, {name})
    if name in plan.comparisons:
        plan.comparison(name)
    if options["tags"]:
        tags = compose(name, plan.comparisons[name]).only_nodes_with_tags
        assert all(tags(tag).nodes for tag in options["tags"])


def check_plan(plan, options):
    lines = (
        describe.difference(plan, options["name"], *options["diff"])
        if options["diff"]
        else describe.plan(plan, options["name"], PROJECT / "data")
    )
    assert "\n".join(lines)


@cache
def names_of_options():
    return {option for command in cli.commands.values() for one in command.params for option in one.opts}


def test_commands_are_found():
    programs = {program for program, _ in FOUND.values()}
    assert programs == {"kedro", "make", "dask", "python"}
    assert len(FOUND) > 60


@pytest.mark.parametrize("where", FOUND)
def test_command_is_taken(where):
    check(*FOUND[where])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_options_in_prose_exist(page):
    """Such as `--seeds=3` alone."""
    for option in re.findall(r"`(--[a-z-]+)[^`]*`", FENCE.sub("", page.read_text())):
        others = {"--memory-limit", "--ntasks-per-node", "--nthreads"}
        assert option in names_of_options() | others, option


@pytest.mark.parametrize(
    "wrong",
    [
        "kedro run --pipeline=gan_compar",
        "kedro run --pipeline=gan_compare --contender=dcgan",
        "kedro run --pipeline=gan_compare --params=training.ema=0.9",
        "kedro run --pipeline=gan_compare --params=image_sets.pandas.folder=/photos",
        "kedro run --pipeline=gan_compare --tags=reports",
        "kedro plan gan_compare --diff dcgan lsgn",
        "kedro lst",
        "kedro prune --keep=few",
        "make compar",
        "dask worker tcp://h:1 --thread=1",
        "python benchmarks/calibration.py --no-such-option",
    ],
)
def test_a_wrong_command_would_be_found(wrong):
    ((program, words),) = commands(f"`{wrong}`")
    with pytest.raises((AssertionError, click.ClickException, SettingError)):
        check(program, words)
