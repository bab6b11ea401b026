"""Where a result comes from: versions, git commit and machine."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("gencompare", "torch", "torchvision", "numpy", "pandas", "albumentations", "kedro", "mlflow")


def provenance(project: Path) -> dict[str, str]:
    """Return library versions, git commit (`-dirty` where files differ from it) and machine."""
    versions = {f"version.{name}": version(name) for name in PACKAGES}
    return {
        "git_commit": git_commit(project),
        "machine": platform.platform(),
        "python": platform.python_version(),
    } | versions


def git_commit(project: Path) -> str:
    """Return the commit that the project folder is at, or `unknown` outside a git checkout."""
    command = ["git", "-C", str(project), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "unknown"
    return found.stdout.strip() or "unknown"
