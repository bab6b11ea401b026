"""Configuration as Kedro reads it: a comparison's nodes get what its plan says."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Any

from kedro.config import MissingConfigException, OmegaConfigLoader
from omegaconf.errors import OmegaConfBaseException
from yaml.parser import ParserError

from gencompare.comparisons import SAMPLE
from gencompare.config.layers import File, Sources
from gencompare.config.plan import Plan
from gencompare.config.typed import SettingError
from gencompare.imagesets import make_image_set

PATTERNS = {
    "comparisons": ["comparisons*", "comparisons*/**"],
    "mlflow": ["mlflow*", "mlflow*/**"],
}
EVERYONES = ("samples", "comparison", "dataset")


class ComparisonConfigLoader(OmegaConfigLoader):
    """Completes three kinds of configuration.

    - parameters: each comparison's plan under its name, so that `params:gan_compare.dcgan.settings` is what that
      contender's nodes get, and beside them only what belongs to no comparison.
    - catalog: copies each `{comparison}…` pattern once per comparison, with `{image_set}` replaced by the
      folder name of that comparison's image set.
    - mlflow: MLFLOW_TRACKING_URI goes first; a relative sqlite address holds from any working directory.
    """

    def __getitem__(self, key: str) -> dict[str, Any]:
        if key == "parameters":
            asked = {name: getattr(self.plan.asked, name) for name in EVERYONES}
            planned = {name: planned.parameters() for name, planned in self.plan.planned.items()}
            return asked | planned | {SAMPLE: {"request": self.plan.request}}
        values = super().__getitem__(key)
        complete = {"catalog": self._catalog, "mlflow": self._mlflow}
        return complete[key](values) if key in complete else values

    @cached_property
    def plan(self) -> Plan:
        """What would run."""
        folders = dict.fromkeys((self.base_env, self.env or self.default_run_env))
        conf = Path(self.conf_source).name
        kinds = ("parameters", "comparisons")
        files = [
            File(f"{conf}/{folder}", *(self._only(folder, kind) for kind in kinds)) for folder in folders
        ]
        return Plan(Sources(files, self.runtime_params or {}))

    def _only(self, folder: str, key: str) -> dict[str, Any]:
        """Read one kind of configuration from one folder of conf/ alone, without the command line merged into it."""
        alone = OmegaConfigLoader(
            self.conf_source, config_patterns=PATTERNS, base_env=folder, default_run_env=folder
        )
        try:
            return alone[key]
        except MissingConfigException:
            return {}
        except (ParserError, OmegaConfBaseException) as error:
            raise SettingError(f"conf/{folder}: {' '.join(str(error).split())}") from error

    def _catalog(self, values: dict[str, Any]) -> dict[str, Any]:
        folders = {
            name: make_image_set(planned.image_set.values).folder_name()
            for name, planned in self.plan.planned.items()
        }
        completed: dict[str, Any] = {}
        for pattern, entry in values.items():
            if not pattern.startswith("{comparison}"):
                completed[pattern] = entry
                continue
            for name, folder in folders.items():
                completed[_fill(pattern, name, folder)] = _fill(entry, name, folder)
        return completed

    def _mlflow(self, values: dict[str, Any]) -> dict[str, Any]:
        project = Path(self.conf_source).resolve().parent
        address = os.environ.get("MLFLOW_TRACKING_URI", values["tracking_uri"])
        file = address.removeprefix("sqlite:///")
        if file == address or file.startswith("/"):
            return {"tracking_uri": address}
        artifacts = (project / "mlartifacts").as_uri()
        return {"tracking_uri": f"sqlite:///{project / file}", "artifact_location": artifacts}


def _fill(value: Any, comparison: str, image_set: str) -> Any:
    """Replace the two placeholders in every string of a nested structure."""
    if isinstance(value, str):
        return value.replace("{comparison}", comparison).replace("{image_set}", image_set)
    if isinstance(value, dict):
        return {key: _fill(item, comparison, image_set) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, comparison, image_set) for item in value]
    return value
