"""What the tests of the engine share."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def errands():
    """A module that workers can import too."""
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = f"{HERE}{os.pathsep}{before}"
    sys.path.insert(0, str(HERE))
    yield importlib.import_module("errands")
    sys.path.remove(str(HERE))
    os.environ["PYTHONPATH"] = before
