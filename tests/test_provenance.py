"""Where a result comes from."""

import shutil
import subprocess
import sys
from pathlib import Path

from gencompare import provenance as module
from gencompare.provenance import git_commit, provenance


def test_the_command_is_recorded_as_one_would_type_it_again_and_only_where_it_is_kedros(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/usr/bin/kedro", "run", "--params=folder=my images"])
    assert provenance()["command"] == "kedro run '--params=folder=my images'"
    monkeypatch.setattr(sys, "argv", ["/usr/bin/pytest", "tests"])
    assert "command" not in provenance()


def test_the_commit_is_the_code_s_own_and_not_of_where_it_is_installed(tmp_path, monkeypatch):
    def git(*command):
        author = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        subprocess.run(["git", "-C", str(tmp_path), *author, *command], check=True, capture_output=True)

    git("init")
    (tmp_path / ".gitignore").write_text(".venv")
    git("add", ".gitignore")
    git("commit", "-m", "a user's own")
    installed = tmp_path / ".venv/gencompare/provenance.py"
    installed.parent.mkdir(parents=True)
    shutil.copy(module.__file__, installed)
    monkeypatch.setattr(module, "__file__", str(installed))
    assert git_commit() == "unknown"
    git("add", "--force", str(installed))
    git("commit", "-m", "now it is part of it")
    monkeypatch.setenv(
        "GIT_DIR", str(Path(__file__).parents[1] / ".git")
    )  # as in a hook of another repository
    assert len(git_commit()) == 12
