"""This project's `kedro` commands: `run` with options of our own, `plan` and `list`."""

from __future__ import annotations

from copy import copy
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.project import settings
from kedro.framework.startup import ProjectMetadata

from gencompare.config.budget import UNITS

RUNNER = "gencompare.runner.SideBySideRunner"

ASKED = [
    click.Option(["--dataset"], help="The image set, in place of the comparison's own."),
    click.Option(
        ["--contenders", "chosen_contenders"],
        help="What to compare, in place of the comparison's own contenders, such as dcgan,ddpm (see kedro list).",
    ),
    click.Option(
        ["--seeds"], type=int, help="How many times to train each contender, each with another seed."
    ),
    *(
        click.Option([f"--{unit}"], type=float, help=f"Budget of each contender, in {meaning}.")
        for unit, meaning in UNITS.items()
    ),
]
KEDROS = {option.name: option for option in kedro_run.params}


@click.group(name="gencompare")
def cli() -> None:
    """Commands of this project."""


def _parameters(options: dict[str, Any]) -> dict[str, Any]:
    """Take our options and --params out of a command's options, and return the parameters they stand for."""
    given: dict[str, Any] = options.pop("params") or {}
    asked = {str(option.name): options.pop(str(option.name)) for option in ASKED}
    for name, value in asked.items():
        if value is None:
            continue
        section = given.setdefault("budget", {}) if name in UNITS else given
        if name in section:
            raise click.UsageError(f"{name} is given twice: as an option and in --params")
        section[name] = value
    return given


def _run(**options: Any) -> Any:
    parameters = _parameters(options)
    assert kedro_run.callback is not None
    return kedro_run.callback(params=parameters, **options)


def _with_our_runner(option: click.Parameter) -> click.Parameter:
    if option.name == "runner":
        option = copy(option)
        option.default = RUNNER
    return option


run = click.Command(
    "run",
    callback=_run,
    params=[*ASKED, *map(_with_our_runner, kedro_run.params)],
    help="Run a comparison: kedro run --pipeline=gan_compare --contenders=dcgan,ddpm --seeds=3 --minutes=5",
)
cli.add_command(run)


@click.pass_obj
def _plan(metadata: ProjectMetadata, name: str, diff: tuple[str, str] | None, **options: Any) -> None:
    from gencompare import describe

    loader = settings.CONFIG_LOADER_CLASS(
        str(metadata.project_path / settings.CONF_SOURCE),
        env=options.pop("env"),
        runtime_params=_parameters(options),
        **settings.CONFIG_LOADER_ARGS,
    )
    lines = (
        describe.difference(loader.plan, name, *diff)
        if diff
        else describe.plan(loader.plan, name, metadata.project_path / "data")
    )
    click.echo("\n".join(lines))


cli.add_command(
    click.Command(
        "plan",
        callback=_plan,
        params=[
            click.Argument(["name"]),
            click.Option(
                ["--diff"], nargs=2, help="Show only where two contenders differ: --diff dcgan lsgan."
            ),
            *ASKED,
            KEDROS["env"],
            KEDROS["params"],
        ],
        help="Print what a comparison would run: every setting in force and where it comes from.",
    )
)


@cli.command(name="list")
@click.pass_obj
def list_(metadata: ProjectMetadata) -> None:
    """Print what there is: image sets, contenders, comparisons, samplers and scores."""
    from gencompare import describe

    loader = settings.CONFIG_LOADER_CLASS(
        str(metadata.project_path / settings.CONF_SOURCE), **settings.CONFIG_LOADER_ARGS
    )
    click.echo("\n".join(describe.everything(loader.plan)))
