"""Configuration as Kedro reads it: a comparison's nodes get what its plan says."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from kedro.config import MissingConfigException, OmegaConfigLoader
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gencompare.comparisons import SAMPLE
from gencompare.config.layers import File, Sources
from gencompare.config.plan import Plan
from gencompare.config.typed import SettingError, build
from gencompare.imagesets import make_image_set
from gencompare.tracking.settings import TrackingSettings

PATTERNS = {
    "comparisons": ["comparisons*", "comparisons*/**"],
    "mlflow": ["mlflow*", "mlflow*/**"],
}
READ = frozenset({".yml", ".yaml", ".json"})
EVERYONES = ("samples", "comparison", "dataset")


class ComparisonConfigLoader(OmegaConfigLoader):
    """Completes three kinds of configuration.

    - parameters: each comparison's plan under its name, so that `params:gan_compare.dcgan.settings` is what that
      contender's nodes get, and beside them only what belongs to no comparison.
    - catalog: copies each `{comparison}…` pattern once per comparison, with `{image_set}` replaced by the
      folder name of that comparison's image set; elsewhere `{from}` is what is asked to be sampled.
    - mlflow: MLFLOW_TRACKING_URI goes first; a relative sqlite address holds from any working directory.
    """

    def __getitem__(self, key: str) -> dict[str, Any]:
        if key == "parameters":
            asked = {name: getattr(self.plan.asked, name) for name in EVERYONES}
            planned = {name: planned.parameters() for name, planned in self.plan.planned.items()}
            return asked | planned | {SAMPLE: {"request": self.plan.request}}
        with self._plainly(*self._folders):
            values = super().__getitem__(key)
        complete = {"catalog": self._catalog, "mlflow": self._mlflow}
        return complete[key](values) if key in complete else values

    @cached_property
    def plan(self) -> Plan:
        """What would run."""
        kinds = ("parameters", "comparisons")
        files = [
            File(self._named(folder), *(self._only(folder, kind) for kind in kinds))
            for folder in self._folders
        ]
        return Plan(Sources(files, self.runtime_params or {}))

    @property
    def _folders(self) -> list[Path]:
        """Those that are read, in the order in which they override each other."""
        names = dict.fromkeys((self.base_env, self.env or self.default_run_env))
        return [Path(self.conf_source) / name for name in names]

    def _only(self, folder: Path, key: str) -> dict[str, Any]:
        """Read one kind of configuration from one folder of conf/ alone, without the command line merged into it."""
        try:
            with self._plainly(folder):
                return OmegaConfigLoader(
                    self.conf_source,
                    config_patterns=PATTERNS,
                    base_env=folder.name,
                    default_run_env=folder.name,
                )[key]
        except MissingConfigException:
            return {}

    @contextmanager
    def _plainly(self, *folders: Path) -> Iterator[None]:
        """Say in one line what is wrong in folders of conf/.

        Raises:
            SettingError: naming the file that cannot be read, or the folders where it is no single file.
        """
        try:
            with _undisturbed():
                yield
        except MissingConfigException:
            raise
        except Exception as error:
            files = [file for one in folders for file in sorted(one.rglob("[!.]*")) if file.suffix in READ]
            wrong = next((f"{self._named(file)}: {why}" for file in files if (why := wrong_in(file))), None)
            if wrong is None and isinstance(error, OmegaConfBaseException | ValueError):
                wrong = f"{' and '.join(map(self._named, folders))}: {' '.join(str(error).split())}"
            if wrong is None:
                raise
            raise SettingError(wrong) from error

    def _named(self, path: Path) -> str:
        """Return the name of what lies in conf/, such as `conf/base/parameters.yml`."""
        return path.relative_to(Path(self.conf_source).parent).as_posix()

    def _catalog(self, values: dict[str, Any]) -> dict[str, Any]:
        folders = {
            name: make_image_set(planned.image_set.values).folder_name()
            for name, planned in self.plan.planned.items()
        }
        completed: dict[str, Any] = {}
        for pattern, entry in values.items():
            if not pattern.startswith("{comparison}"):
                completed[pattern] = _fill(entry, {"from": self.plan.asked.from_ or "nothing"})
                continue
            for name, folder in folders.items():
                filled = {"comparison": name, "image_set": folder}
                completed[_fill(pattern, filled)] = _fill(entry, filled)
        return completed

    def _mlflow(self, values: dict[str, Any]) -> dict[str, Any]:
        project = Path(self.conf_source).resolve().parent
        given = build(TrackingSettings, values, "mlflow").tracking_uri
        address = os.environ.get("MLFLOW_TRACKING_URI", given)
        file = address.removeprefix("sqlite:///")
        if file == address or file.startswith("/"):
            return {"tracking_uri": address}
        artifacts = (project / "mlartifacts").as_uri()
        return {"tracking_uri": f"sqlite:///{project / file}", "artifact_location": artifacts}


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold Ctrl-C back for a moment: OmegaConf turns one that comes inside of it into an error of the configuration."""
    if threading.current_thread() is not threading.main_thread():  # which alone hears of it
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)


def wrong_in(file: Path) -> str | None:
    """Say in one line why a file cannot be read by itself; None where it can."""
    try:
        read = OmegaConf.load(file)
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        return f"{where}{error.problem}"
    except (yaml.YAMLError, ValueError, OSError) as error:
        return " ".join(str(error).split())
    return None if isinstance(read, DictConfig) else "must be settings by name, and is a list"


def _fill(value: Any, named: Mapping[str, str]) -> Any:
    """Replace placeholders, such as `{comparison}`, in every string of a nested structure."""
    if isinstance(value, str):
        for name, text in named.items():
            value = value.replace(f"{{{name}}}", text)
        return value
    if isinstance(value, dict):
        return {key: _fill(item, named) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, named) for item in value]
    return value
