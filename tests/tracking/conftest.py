"""A database of MLflow for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def database(whole_database: Path, tmp_path: Path) -> Path:
    """A whole database, without any run."""
    return Path(shutil.copy(whole_database, tmp_path / "mlflow.db"))
