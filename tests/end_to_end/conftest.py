"""A project of its own for every test that runs whole sessions: this one's configuration, empty data."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import mlflow
import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.runner import AbstractRunner, ThreadRunner

from gencompare.config_loader import ComparisonConfigLoader
from gencompare.settings import CONFIG_LOADER_ARGS

PROJECT = Path(__file__).parents[2]
COMPARISONS = ComparisonConfigLoader(str(PROJECT / "conf"), **CONFIG_LOADER_ARGS).plan.comparisons


def make_project(folder: Path) -> Path:
    """Lay out a project that shares the code and copies the configuration."""
    shutil.copytree(PROJECT / "conf", folder / "conf")
    shutil.copy(PROJECT / "pyproject.toml", folder)
    shutil.copy(PROJECT / ".telemetry", folder)
    (folder / "src").mkdir()
    return folder


def run(
    project: Path,
    pipeline: str = "gan_compare",
    env: str = "smoke",
    runner: type[AbstractRunner] = ThreadRunner,
    tags: Iterable[str] = (),
    only_missing_outputs: bool = False,
    **parameters: Any,
) -> None:
    """Run a pipeline in a session, as `kedro run` does."""
    bootstrap_project(project)
    os.environ.pop("MLFLOW_TRACKING_URI", None)  # the plug-in leaves the last project's address there
    while mlflow.active_run():
        mlflow.end_run()
    with KedroSession.create(project_path=project, env=env, runtime_params=parameters) as session:
        session.run(
            pipeline_names=[pipeline], runner=runner(), tags=tags, only_missing_outputs=only_missing_outputs
        )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def newest(folder: Path, name: str) -> Path:
    """Return the newest version of a versioned artifact, `<folder>/<name>/<version>/<name>`."""
    found = sorted(folder.glob(f"{name}/*/{name}"))
    assert found, f"no {name} in {folder}"
    return found[-1]


@pytest.fixture(scope="session")
def fresh(whole_database: Path) -> Callable[[Path], Path]:
    """Lay out a project with a database of MLflow, without any run."""

    def lay_out(folder: Path) -> Path:
        folder.mkdir(exist_ok=True)
        shutil.copy(whole_database, folder)
        return make_project(folder)

    return lay_out


@pytest.fixture
def project(fresh: Callable[[Path], Path], tmp_path: Path) -> Path:
    """A fresh project."""
    return fresh(tmp_path)


@pytest.fixture(scope="session")
def finished(once: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which the main job has run once, in smoke size, on squares and on its own, as a user's first does.

    It runs once for all of pytest's processes, each of which has a copy.
    """
    made = once("finished", lambda folder: run(make_project(folder)))
    return shutil.copytree(made, tmp_path_factory.mktemp("finished"), dirs_exist_ok=True)
