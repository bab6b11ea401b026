"""Commands whose mistakes end in one line, and what the options of `kedro run` may name."""

from __future__ import annotations

import socket
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import click
from kedro.framework.cli.utils import KedroCliError
from omegaconf import DictConfig, OmegaConf

from gencompare.comparisons import registered_names
from gencompare.config.plan import Plan
from gencompare.config.typed import SettingError, nearest
from gencompare.config_loader import wrong_in

SECONDS_TO_CONNECT = 5.0
RUNNERS = ("SequentialRunner", "ThreadRunner")
NODES = ("node_names", "from_nodes", "to_nodes")
DATASETS = ("from_inputs", "to_outputs", "load_versions")
SLICES = ("tags", "namespaces", *NODES, *DATASETS)
"""Options by which less than a whole pipeline is run, or on versions of one's own choice."""


class Command(click.Command):
    """A command that says what is wrong in one line and ends with status 1; with `--debug`, where that came from."""

    DEBUG: ClassVar = click.Option(
        ["--debug"],
        is_flag=True,
        expose_value=False,
        callback=lambda context, option, value: context.meta.update(debug=value),
        help="Show where every error comes from, a user's own too.",
    )

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.params.append(self.DEBUG)

    def make_context(self, *arguments: Any, **named: Any) -> click.Context:
        """Read the options, and refuse others as settings are refused."""
        try:
            return super().make_context(*arguments, **named)
        except (click.UsageError, KedroCliError) as error:
            raise SettingError(" ".join(error.format_message().split())) from error

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options, unless one cannot be taken.

        Raises:
            SettingError: for one that is no text, which YAML, MLflow and the report could not hold, one that is given
                twice, and a file of options that holds none.
        """
        for word in args:
            try:
                word.encode()
            except UnicodeEncodeError:
                raise SettingError(
                    f"{word!r}: is not UTF-8; a file or folder of such a name can be linked to by another"
                ) from None
        values, _, given = self.make_parser(ctx).parse_args(list(args))
        _check_once(given)
        if "config" in values and Path(values["config"]).is_file():  # click refuses another
            _check_config(Path(values["config"]), str(ctx.info_name))
        return super().parse_args(ctx, args)

    def invoke(self, context: click.Context) -> Any:
        """Do what is asked. Of what failed and what was stopped for it Kedro raises either: the former is what counts."""
        try:
            return super().invoke(context)
        except click.ClickException as ended:
            from gencompare.training import progress

            error = (progress.failure or ended) if isinstance(ended, progress.Stopped) else ended
            if context.meta["debug"] and isinstance(error, click.ClickException):
                traceback.print_exception(error)
            if isinstance(error, KedroCliError):  # shown as it is, it would be `NoneType: None`
                raise SettingError(" ".join(error.format_message().split())) from error
            raise error from error.__cause__


def _check_once(given: list[click.Parameter]) -> None:
    """Refuse an option that is given twice: the first would be dropped without a word."""
    for option in given:
        if isinstance(option, click.Option) and not option.is_flag and given.count(option) > 1:
            name = max(option.opts, key=len)
            raise SettingError(f"{name} is given twice; give it once, with commas where it takes several")


def _check_config(file: Path, command: str) -> None:
    """Refuse a file for --config that holds no options of a command: Kedro alone would trace back."""
    if why := wrong_in(file):
        raise SettingError(f"config={file}: {why}")
    read = OmegaConf.load(file)
    if not isinstance(read, DictConfig) or not OmegaConf.is_dict(read.get(command)):
        raise SettingError(f"config={file}: must hold the options in a block `{command}:`")


def check_environment(conf: Path, env: str | None) -> None:
    """Refuse an environment that has no folder, and a folder that holds no configuration.

    Raises:
        SettingError: with the nearest ones.
    """
    if not (conf / "base").is_dir():
        raise SettingError(f"conf-source={conf}: must be a folder that has base/ in it")
    known = [path.name for path in conf.iterdir() if path.is_dir()]
    if env is not None and env not in known:
        raise SettingError(f"env={env!r}: no such folder in {conf.name}/; {nearest(env, known)}")
    if env != "local" and any((conf / "local").glob("*.y*ml")):
        click.echo(f"Warning: {conf.name}/local is read with --env=local alone", err=True)


def check_options(plan: Plan, options: Mapping[str, Any], names: Iterable[str]) -> None:
    """Refuse options of `kedro run` that name what there is not.

    Args:
        plan: what would run.
        options: of the command, as Kedro calls them.
        names: of the pipelines.

    Raises:
        SettingError: for the first such name.
    """
    known = registered_names(plan.comparisons)
    for name in names:
        if name not in known:
            raise SettingError(f"pipeline={name!r}: unknown; {nearest(name, known)}")
    if options["runner"] is not None and options["runner"] not in RUNNERS:
        raise SettingError(f"runner={options['runner']!r}: must be one of {', '.join(RUNNERS)}")
    if plan.asked.engine is not None:
        _check_engine(plan.asked.engine)
    if any(options[option] for option in SLICES):
        _check_parts(plan, options, names)


def _check_engine(address: str) -> None:
    """Refuse an address at which nobody listens: Dask alone would try for half a minute, and trace back."""
    found = urlsplit(address if "://" in address else f"tcp://{address}")
    try:
        socket.create_connection((str(found.hostname), found.port or 0), SECONDS_TO_CONNECT).close()
    except (OSError, ValueError) as error:
        raise SettingError(
            f"engine={address!r}: no scheduler answers there ({error}); it is like tcp://host:8786"
        ) from None


def _check_parts(plan: Plan, options: Mapping[str, Any], names: Iterable[str]) -> None:
    """Refuse tags, nodes and datasets that no pipeline of the run has."""
    from gencompare.pipeline_registry import compose_all

    composed = compose_all(plan.comparisons)
    pipelines = [composed[name] for name in names]
    nodes = [node for pipeline in pipelines for node in pipeline.nodes]
    parts = {
        ("tags",): {tag for node in nodes for tag in node.tags},
        ("namespaces",): {prefix for node in nodes for prefix in node.namespace_prefixes},
        NODES: {node.name for node in nodes},
        DATASETS: {name for pipeline in pipelines for name in pipeline.datasets()},
    }
    for options_of, known in parts.items():
        for option in options_of:
            for name in options[option] or ():
                if name not in known:
                    word = option.replace("_", "-").replace("node-names", "nodes")
                    raise SettingError(f"{word}={name!r}: none of this run; {nearest(name, known)}")
