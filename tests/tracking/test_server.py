"""The database file: whole or not there, and a broken one set aside."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from gencompare.tracking import server
from gencompare.tracking.server import EXPERIMENT, connect, ensure_database

MAKE = "import sys; from gencompare.tracking.server import ensure_database; ensure_database(sys.argv[1])"

DIE_WRITING = """
import os, signal, sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute("PRAGMA cache_size = 1")  # so that much is on disk before it is committed
database.executemany("INSERT INTO notes VALUES (?, ?)", [(n, "x" * 999) for n in range(99)])
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_an_interrupt_while_it_is_made_leaves_none_and_the_next_run_makes_it(tmp_path):
    file = tmp_path / "mlflow.db"
    making = subprocess.Popen([sys.executable, "-c", MAKE, f"sqlite:///{file}"])
    while not list(tmp_path.glob("mlflow.db.part*")):
        assert making.poll() is None
        time.sleep(0.005)
    making.send_signal(signal.SIGKILL)
    making.wait()
    assert not file.exists()
    client, experiment = connect({"tracking_uri": f"sqlite:///{file}"})
    assert client.get_experiment(experiment).name == EXPERIMENT
    assert not list(tmp_path.glob("mlflow.db.part*"))


def halve(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute("DELETE FROM experiments")
        database.commit()


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:20_000])


BROKEN = {
    "half-made": halve,
    "empty": lambda file: file.write_bytes(b""),
    "cut": cut,
    "no database": lambda file: file.write_bytes(b"something else"),
}


@pytest.mark.parametrize("damage", BROKEN.values(), ids=BROKEN)
def test_a_broken_one_is_set_aside_with_a_line(database, whole_database, damage, caplog, monkeypatch):
    monkeypatch.setattr(server, "_make", lambda file: shutil.copy(whole_database, file))  # it takes seconds
    damage(database)
    broken = database.read_bytes()
    ensure_database(f"sqlite:///{database}")
    assert database.with_name("mlflow.db.broken").read_bytes() == broken
    (line,) = caplog.messages
    assert "mlflow.db.broken" in line
    assert "\n" not in line
    connect({"tracking_uri": f"sqlite:///{database}"})


def test_a_whole_one_stays_and_a_locked_one_is_not_taken_for_broken(database):
    before = database.stat().st_ino
    ensure_database(f"sqlite:///{database}")
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError):
            ensure_database(f"sqlite:///{database}")
    assert database.stat().st_ino == before


def test_what_a_killed_writer_began_is_undone_and_the_next_run_is_told_of(database):
    with closing(sqlite3.connect(database)) as made:
        made.execute("CREATE TABLE notes (name, value)")
    subprocess.run([sys.executable, "-c", DIE_WRITING, str(database)], check=False)
    assert database.with_name("mlflow.db-journal").exists()
    ensure_database(f"sqlite:///{database}")
    assert not database.with_name("mlflow.db-journal").exists()
    with closing(sqlite3.connect(database)) as made:
        assert made.execute("SELECT count(*) FROM notes").fetchone() == (0,)


def test_a_new_one_is_not_changed_by_what_was_under_way_in_one_that_is_gone(database, whole_database):
    with closing(sqlite3.connect(database)) as made:
        made.execute("CREATE TABLE notes (name, value)")
    subprocess.run([sys.executable, "-c", DIE_WRITING, str(database)], check=False)
    database.unlink()
    ensure_database(f"sqlite:///{database}")
    with closing(sqlite3.connect(database)) as made:
        assert made.execute("PRAGMA quick_check").fetchone() == ("ok",)
        assert made.execute("SELECT count(*) FROM sqlite_master WHERE name = 'notes'").fetchone() == (0,)


def test_a_project_that_moves_takes_its_files_along(whole_database, tmp_path, caplog):
    caplog.set_level("INFO", logger="gencompare")

    def at(project: Path) -> dict[str, str]:
        artifacts = (project / "mlartifacts").as_uri()
        return {"tracking_uri": f"sqlite:///{project}/mlflow.db", "artifact_location": artifacts}

    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    shutil.copy(whole_database, old / "mlflow.db")
    client, experiment = connect(at(old))
    run = client.create_run(experiment).info.run_id
    client.log_text(run, "here", "a.txt")
    old.rename(new)
    assert not caplog.messages
    client, same = connect(at(new))
    assert same == experiment
    client.log_text(client.create_run(experiment).info.run_id, "and here", "b.txt")
    (tmp_path / "back").mkdir()
    assert Path(client.download_artifacts(run, "a.txt", str(tmp_path / "back"))).read_text() == "here"
    assert not old.exists()
    assert len(list(new.glob("mlartifacts/*/artifacts/*.txt"))) == 2
    connect(at(new))
    assert len(caplog.messages) == 1
