"""This project's `kedro` commands: Kedro's own, but that `kedro run` works side by side unless told otherwise."""

from __future__ import annotations

from copy import copy

import click
from kedro.framework.cli.project import run as kedro_run

RUNNER = "gencompare.runner.SideBySideRunner"


def _with_default(parameter: click.Parameter) -> click.Parameter:
    if parameter.name != "runner":
        return parameter
    changed = copy(parameter)
    changed.default = RUNNER
    return changed


@click.group(name="gencompare")
def cli() -> None:
    """Commands of this project."""


run = copy(kedro_run)
run.params = [_with_default(parameter) for parameter in kedro_run.params]
cli.add_command(run)
