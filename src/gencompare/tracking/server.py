"""Where MLflow is: a server, or a database file of the project, which is made whole or not at all."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from filelock import FileLock

from gencompare.files import set_aside
from gencompare.tracking.views import NEWEST, TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

EXPERIMENT = "gencompare"
DEFAULTS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",  # it is asked again by us, and while it is, nothing waits
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
"""What MLflow is told where the environment does not."""
PLACES = {"experiments": "artifact_location", "runs": "artifact_uri", "logged_models": "artifact_location"}
"""Tables and columns of its database in which MLflow notes in full where files lie."""


def connect(server: Mapping[str, Any]) -> tuple[MlflowClient, str]:
    """Return a client of MLflow and the id of our experiment there.

    Args:
        server: `tracking_uri` and, where it is a file of this project, `artifact_location`.

    Raises:
        Exception: anything, where MLflow does not answer.
    """
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient
    from mlflow.entities import LifecycleStage
    from mlflow.exceptions import MlflowException

    logging.getLogger("mlflow").setLevel(logging.CRITICAL)  # what a user must know is said by us
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)
    ensure_database(server["tracking_uri"])
    client = MlflowClient(server["tracking_uri"])
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is not None:
        if experiment.lifecycle_stage == LifecycleStage.DELETED:
            client.restore_experiment(experiment.experiment_id)
            logger.warning(
                "MLflow's experiment %s was deleted: it is restored, or nothing could be told", EXPERIMENT
            )
        if "artifact_location" in server:
            _follow(server, experiment.artifact_location)
        return client, experiment.experiment_id
    try:
        return client, client.create_experiment(EXPERIMENT, server.get("artifact_location"))
    except MlflowException:  # another run made it a moment ago
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            raise
        return client, experiment.experiment_id


def _follow(server: Mapping[str, str], before: str) -> None:
    """Have a database that has moved with its project name where files lie now: MLflow would make the old folder anew."""
    now = server["artifact_location"]
    if before == now or before.rsplit("/", 1)[-1] != now.rsplit("/", 1)[-1]:
        return
    with closing(sqlite3.connect(server["tracking_uri"].removeprefix("sqlite:///"))) as database, database:
        for table, column in PLACES.items():
            database.execute(
                f"UPDATE {table} SET {column} = :now || substr({column}, length(:before) + 1) "  # nosec B608: constants
                f"WHERE substr({column} || '/', 1, length(:before) + 1) = :before || '/'",
                {"before": before, "now": now},
            )
    logger.info("The project has moved here: MLflow looks for its files in %s", now)


def ensure_database(tracking_uri: str) -> None:
    """Make the database, if MLflow's address is a file that is not there, and set a broken one aside before.

    It is made under another name and renamed, for MLflow takes seconds to make it and cannot open half of one.

    Raises:
        sqlite3.OperationalError: if another process keeps it locked.
    """
    if not tracking_uri.startswith("sqlite:///"):
        return
    file = Path(tracking_uri.removeprefix("sqlite:///"))
    with FileLock(f"{file}.lock"):
        problem = _problem(file) if file.exists() else None
        if problem:
            aside = set_aside(file)
            logger.warning("%s %s: kept as %s, and a new one is begun", file, problem, aside.name)
        if not file.exists():
            _make(file)


def _make(file: Path) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    part = file.with_name(f"{file.name}.part")
    left = list(file.parent.glob(f"{part.name}*"))
    # What was under way in one that is gone, SQLite would undo in this one.
    left += [file.with_name(f"{file.name}-{kind}") for kind in ("journal", "wal", "shm")]
    for path in left:
        path.unlink(missing_ok=True)
    store = SqlAlchemyStore(f"sqlite:///{part}", str(file.parent / "mlartifacts"))
    store.engine.dispose()
    part.rename(file)


def _problem(file: Path) -> str | None:
    """Say what is wrong with a database; None where nothing is. MLflow makes its first experiment last.

    It is opened to be written, for SQLite then undoes what a killed process had begun; else it cannot be read.
    """
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=rw", uri=True, timeout=5)) as database:
            (said,) = database.execute("PRAGMA quick_check(1)").fetchone()
            if said != "ok":
                return "is damaged"
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
            if "experiments" not in tables or not database.execute("SELECT 1 FROM experiments").fetchone():
                return "is half-made"
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        return "is damaged"
    return None


def ui_address(tracking_uri: str, server: str = "http://127.0.0.1:5000") -> str:
    """Return the address of MLflow's page of the newest comparison, or of all runs: its start page shows none of ours."""
    from mlflow import MlflowClient

    ensure_database(tracking_uri)
    experiment = MlflowClient(tracking_uri).get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        return server
    view = NEWEST if f"{TAG}{NEWEST}" in experiment.tags else None
    return runs_address(experiment.experiment_id, view, server=server)


def runs_address(
    experiment: str, view: str | None = None, charts: bool = False, server: str = "http://127.0.0.1:5000"
) -> str:
    """Return the address of the page that lists the runs of an experiment.

    Args:
        experiment: MLflow's id of it.
        view: key of the comparison whose contenders are shown (see `views`); all runs where None.
        charts: of their scores and curves, in place of a table.
        server: where MLflow's pages are.
    """
    asked = {"workflowType": "machine_learning"}
    asked |= {"compareRunsMode": "CHART"} if charts else {}
    asked |= {"viewStateShareKey": view} if view else {}
    return f"{server}/#/experiments/{experiment}/runs?{urlencode(asked)}"
