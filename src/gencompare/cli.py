"""This project's `kedro` commands: `run` with options of our own, `plan`, `list`, `prune` and `explore`."""

from __future__ import annotations

import atexit
import gc
import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click
import yaml
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.registry import registry as kedro_registry
from kedro.framework.project import settings
from kedro.framework.startup import ProjectMetadata

from gencompare.comparisons import asked_for, registered_names
from gencompare.config.budget import UNITS
from gencompare.config.check import check_given, check_run
from gencompare.config.typed import SettingError
from gencompare.config_loader import ComparisonConfigLoader
from gencompare.options import SLICES, Command, check_environment, check_options

ASKED = [
    click.Option(["--dataset"], help="The image set, in place of the comparison's own."),
    click.Option(
        ["--contenders", "chosen_contenders"],
        help="What to compare, in place of the comparison's own contenders, such as dcgan,ddpm (see kedro list).",
    ),
    click.Option(
        ["--seeds"], type=int, help="How many times to train each contender, each with another seed."
    ),
    click.Option(
        ["--engine"], help="Address of a Dask scheduler whose workers do the work, such as tcp://host:8786."
    ),
    *(
        click.Option([f"--{unit}"], type=float, help=f"Budget of each contender, in {meaning}.")
        for unit, meaning in UNITS.items()
    ),
]
REMAKE = click.Option(
    ["--remake"], is_flag=True, help="Make samples, scores and report again, though nothing has changed."
)
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
        if not isinstance(section, dict):
            raise SettingError(f"budget={section!r}: must be settings by name, such as budget.minutes=5")
        if name in section:
            raise SettingError(f"{name} is given twice: as an option and in --params")
        section[name] = value
    return given


@click.pass_obj
def _run(metadata: ProjectMetadata, **options: Any) -> Any:
    if options["pipeline"] and options["pipelines"]:
        raise SettingError("--pipeline and --pipelines: give one of the two")
    parameters = _parameters(options)
    names = asked_for([options["pipeline"]] if options["pipeline"] else options["pipelines"])
    loader = _loader(metadata, options["env"], parameters, options["conf_source"])
    plan = loader.plan
    loader["mlflow"]  # refused here, or what is wrong in it would be said in the middle of Kedro's own start
    check_options(plan, options, names)
    whole = not any(options[option] for option in SLICES)
    if (remake := options.pop("remake")) and options["only_missing_outputs"]:
        raise SettingError("--remake: makes again what --only-missing-outputs leaves; give one of the two")
    if not remake and whole and set(names) <= set(plan.comparisons):
        options["only_missing_outputs"] = True  # and what was made otherwise
    if options["runner"] is None:
        known = plan.comparisons
        trainings = sum(len(known[name].trainings) for name in names if name in known)
        # A training alone may have all cores, and nothing beside it that draws from torch's one random generator.
        side_by_side = trainings > 1 or parameters.get("engine")
        options["runner"] = "ThreadRunner" if side_by_side else "SequentialRunner"
        if side_by_side and not parameters.get("engine"):
            import joblib

            from gencompare.running import forks

            forks.prepare(min(trainings, joblib.cpu_count()))  # beside all that comes first here
        if side_by_side:
            # a thread for all that can wait for a worker at once, for the engine knows the best order
            options["runner_params"] = {"max_workers": 2 * trainings + 2} | options["runner_params"]
    gc.set_threshold(50_000)  # or a sixth of start-up goes into searching new modules for garbage
    atexit.register(gc.freeze)  # or all of torch and MLflow is searched once more at the end, for seconds
    check_run(plan, names)
    assert kedro_run.callback is not None
    return kedro_run.callback(params=parameters, **options)


def _loader(
    metadata: ProjectMetadata, env: str | None, parameters: dict[str, Any], conf_source: str | None = None
) -> ComparisonConfigLoader:
    source = Path(conf_source or metadata.project_path / settings.CONF_SOURCE)
    env = env or os.environ.get("KEDRO_ENV") or None  # as Kedro's session takes it
    check_environment(source, env)
    return settings.CONFIG_LOADER_CLASS(
        str(source), env=env, runtime_params=parameters, **settings.CONFIG_LOADER_ARGS
    )


cli.add_command(
    Command(
        "run",
        callback=_run,
        params=[*ASKED, REMAKE, *kedro_run.params],
        help="Run a comparison: kedro run --pipeline=gan_compare --contenders=dcgan,ddpm --seeds=3 --minutes=5",
    )
)


@click.pass_obj
def _plan(metadata: ProjectMetadata, name: str, diff: tuple[str, str] | None, **options: Any) -> None:
    from gencompare import describe

    loader = _loader(metadata, options.pop("env"), _parameters(options))
    if loader.plan.sources.given and not diff:
        loader.plan.comparison(name)
        check_given(loader.plan, {name})
    lines = (
        describe.difference(loader.plan, name, *diff)
        if diff
        else describe.plan(loader.plan, name, metadata.project_path / "data")
    )
    click.echo("\n".join(lines))


cli.add_command(
    Command(
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


@cli.command(name="list", cls=Command)
@click.pass_obj
def list_(metadata: ProjectMetadata) -> None:
    """Print what there is: image sets, contenders, comparisons, samplers and scores."""
    from gencompare import describe

    loader = _loader(metadata, None, {})
    click.echo("\n".join(describe.everything(loader.plan)))


@cli.command(cls=Command)
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Versions of each artifact to keep.",
)
@click.option("--yes", is_flag=True, help="Remove it; without, it is only listed.")
@click.pass_obj
def prune(metadata: ProjectMetadata, keep: int, yes: bool) -> None:
    """List what is superseded and how much room that takes, and remove it with --yes."""
    from gencompare.prune import remove, superseded
    from gencompare.running.under_way import none_under_way

    project = metadata.project_path
    with none_under_way(project / "data", "kedro prune --yes") if yes else nullcontext():
        found = superseded(project, keep)
        for one in found:
            click.echo(f"{one.size / 1e6:9.1f} MB  {one.path.relative_to(project)}  {one.why}")
        total = f"{sum(one.size for one in found) / 1e6:.1f} MB"
        if not found:
            click.echo("Nothing is superseded.")
        elif yes:
            remove(found)
            click.echo(f"{total} freed.")
        else:
            click.echo(f"{total} would be freed by kedro prune --keep={keep} --yes")


@cli.command(name="explore", cls=Command)
@click.option("--port", type=click.IntRange(1024, 65535), default=7070, show_default=True)
@click.pass_obj
def explore(metadata: ProjectMetadata, port: int) -> None:
    """Open a page, for this machine alone, to play with what was trained."""
    try:
        from gencompare.explorer.app import serve
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"{error.name} is not installed: pip install 'gencompare[explore]'"
        ) from None
    serve(metadata.project_path / "data", port)


@cli.group(commands=dict(kedro_registry.commands))
def registry() -> None:
    """Commands for working with registered pipelines."""


@registry.command(name="list")
@click.pass_obj
def registered(metadata: ProjectMetadata) -> None:
    """List all pipelines, as Kedro does, from their names alone: torch is not imported for it."""
    click.echo(yaml.dump(registered_names(_loader(metadata, None, {}).plan.comparisons)))
