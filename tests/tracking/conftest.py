"""A database of MLflow, made once: that takes seconds."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gencompare.tracking.server import ensure_database


@pytest.fixture(scope="session")
def whole_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("database") / "mlflow.db"
    ensure_database(f"sqlite:///{file}")
    return file


@pytest.fixture
def database(whole_database: Path, tmp_path: Path) -> Path:
    """A whole database, without any run."""
    return Path(shutil.copy(whole_database, tmp_path / "mlflow.db"))
