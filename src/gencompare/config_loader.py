"""Configuration as Kedro reads it, completed with what follows from the comparisons."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader

from gencompare.comparisons import all_jobs
from gencompare.config import contender as config
from gencompare.imagesets import make_image_set


class ComparisonConfigLoader(OmegaConfigLoader):
    """Completes three kinds of configuration.

    - parameters: adds each comparison's plan under its name, so that `params:gan_compare.dcgan.settings`
      is what that contender's nodes get. A plan can itself be overridden from the command line.
    - catalog: copies each `{comparison}…` pattern once per comparison, with `{image_set}` replaced by the
      folder name of that comparison's image set.
    - mlflow: MLFLOW_TRACKING_URI goes first; a relative sqlite address holds from any working directory.
    """

    def __getitem__(self, key: str) -> dict[str, Any]:
        values = super().__getitem__(key)
        complete = {"parameters": self._parameters, "catalog": self._catalog, "mlflow": self._mlflow}
        return complete[key](values) if key in complete else values

    def _parameters(self, values: dict[str, Any]) -> dict[str, Any]:
        planned = config.plan(values, self.runtime_params)
        return values | {name: config.merge(planned[name], values.get(name, {})) for name in planned}

    def _catalog(self, values: dict[str, Any]) -> dict[str, Any]:
        parameters = self["parameters"]
        folders = {name: make_image_set(parameters[name]["image_set"]).folder_name() for name in all_jobs()}
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
        server = values["server"]
        server["mlflow_tracking_uri"] = os.environ.get("MLFLOW_TRACKING_URI", server["mlflow_tracking_uri"])
        address = server["mlflow_tracking_uri"]
        if address.startswith("sqlite:///") and not address.startswith("sqlite:////"):
            server["mlflow_tracking_uri"] = f"sqlite:///{project / address.removeprefix('sqlite:///')}"
            kwargs = values["tracking"]["experiment"].setdefault("create_experiment_kwargs", {})
            kwargs.setdefault("artifact_location", (project / "mlartifacts").as_uri())
        return values


def _fill(value: Any, comparison: str, image_set: str) -> Any:
    """Replace the two placeholders in every string of a nested structure."""
    if isinstance(value, str):
        return value.replace("{comparison}", comparison).replace("{image_set}", image_set)
    if isinstance(value, dict):
        return {key: _fill(item, comparison, image_set) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, comparison, image_set) for item in value]
    return value
