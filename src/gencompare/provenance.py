"""Where a result comes from: command, versions, git commit and machine."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("gencompare", "torch", "torchvision", "numpy", "pandas", "albumentations", "kedro", "mlflow")

COUNTS_WITH = ("torch", "numpy", "scipy", "scikit-learn")
"""What results are computed with: with another version of one they may be others."""


def provenance() -> dict[str, str]:
    """Return the command, where it is kedro's, the code's commit, the machine, and versions of Python and libraries."""
    facts = {"command": shlex.join(["kedro", *sys.argv[1:]])} if "kedro" in sys.argv[0] else {}
    facts |= {"git_commit": git_commit(), "machine": platform.platform(), "python": platform.python_version()}
    return facts | {f"version.{name}": version(name) for name in PACKAGES}


def git_commit() -> str:
    """Return the commit of this package's checkout, `-dirty` where files differ, or `unknown` where it is in none: it may
    be installed beneath a user's own."""
    own = Path(__file__)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}

    def git(*command: str) -> str:
        whole = ["git", "-C", str(own.parent), *command]
        return subprocess.run(whole, capture_output=True, text=True, check=True, env=environment).stdout

    try:
        git("ls-files", "--error-unmatch", own.name)
        return git("describe", "--always", "--dirty", "--abbrev=12", "--exclude=*").strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
