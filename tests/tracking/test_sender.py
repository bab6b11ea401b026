"""What is spooled arrives: at once, after MLflow was away, and after the process that spooled it was killed."""

from __future__ import annotations

import json
import logging
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from gencompare.tracking.runs import TrackedRun, TrainingRun
from gencompare.tracking.sender import Delivery, Sender
from gencompare.tracking.server import EXPERIMENT, connect, ui_address
from gencompare.tracking.spool import Spool
from gencompare.tracking.views import NEWEST, TAG, view_key

SETTINGS = {"training": {"lr": 0.1}}


@pytest.fixture
def server(tmp_path: Path, database: Path) -> dict[str, str]:
    return {"tracking_uri": f"sqlite:///{database}", "artifact_location": (tmp_path / "artifacts").as_uri()}


def begin(spool: Spool) -> tuple[TrackedRun, TrainingRun]:
    parent = TrackedRun(spool, "gan_compare", {})
    return parent, TrainingRun(
        spool, parent, "dcgan", {"comparison": "gan_compare", "training": "dcgan"}, SETTINGS, {}
    )


def run_of(server: dict[str, str], name: str = "dcgan") -> Run:
    client, experiment = connect(server)
    (found,) = client.search_runs([experiment], f"attributes.run_name = '{name}'")
    return found


def steps_of(server: dict[str, str]) -> list[int]:
    history = MlflowClient(server["tracking_uri"]).get_metric_history(run_of(server).info.run_id, "loss")
    return [metric.step for metric in history]


def test_all_arrives_and_the_spool_is_empty_afterwards(server, tmp_path):
    spool = Spool.begin(tmp_path / "spool", server["tracking_uri"])
    parent, child = begin(spool)
    sender = Sender(spool, server)
    picture = tmp_path / "newest.bin"
    picture.write_bytes(b"picture")
    for kimg in (1.0, 2.0, 2.0):
        child.add_row({"kimg": kimg, "loss": 0.5})
    child.log({"score": {"fid": 3.0, "extractor": "inception"}})
    child.log_file(picture)
    child.close("FINISHED")
    parent.close("FINISHED")
    assert sender.finish(60)

    made = run_of(server)
    assert steps_of(server) == [1000, 2000]
    assert made.data.params == {"training.lr": "0.1"}
    assert made.data.metrics["score.fid"] == 3.0
    assert made.data.tags["score.extractor"] == "inception"
    assert made.data.tags["mlflow.parentRunId"] == run_of(server, "gan_compare").info.run_id
    assert made.info.status == "FINISHED"
    client = MlflowClient(server["tracking_uri"])
    (tmp_path / "back").mkdir()
    arrived = client.download_artifacts(made.info.run_id, "newest.bin", str(tmp_path / "back"))
    assert Path(arrived).read_bytes() == b"picture"
    assert list((tmp_path / "spool").iterdir()) == []


def test_what_may_not_be_imported_beside_other_work_is_there_before_the_thread():
    """While importlib_metadata is imported in one thread, `importlib.metadata.version` raises NameError in others."""
    code = """
import sys, threading
from gencompare.tracking.sender import Sender
threading.Thread.start = lambda self: print("importlib_metadata" in sys.modules)
Sender(None, {})
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == "True\n"


def test_pages_open_on_the_contenders_of_the_newest_comparison(server, tmp_path):
    def shown(key: str) -> dict[str, Any]:
        tags = MlflowClient(server["tracking_uri"]).get_experiment_by_name(EXPERIMENT).tags
        return json.loads(tags[f"{TAG}{key}"])

    def ran(trainings: list[str], scores: list[str]) -> dict[str, Any]:
        spool = Spool.begin(tmp_path / "spool", server["tracking_uri"])
        parent = TrackedRun(spool, "gan_compare", {})
        for training in trainings:
            tags = {"comparison": "gan_compare", "image_set": "squares", "training": training}
            TrainingRun(spool, parent, f"{training} {scores[0]}", tags, SETTINGS, {}).close("FINISHED")
        parent.show("gan_compare", "squares", ["dcgan", "vae"], scores)
        parent.close("FINISHED")
        assert Sender(spool, server).finish(60)
        assert shown(NEWEST) == shown(view_key("gan_compare", "squares"))
        return shown(NEWEST)

    first = ran(["dcgan", "vae", "ddpm"], ["kid", "fd"])
    old, kept, other = (run_of(server, f"{name} kid").info.run_id for name in ("dcgan", "vae", "ddpm"))
    assert old in first["searchFilter"] and kept in first["searchFilter"]
    assert other not in first["searchFilter"]
    assert first["selectedColumns"][:2] == ["metrics.`kid`", "metrics.`fd`"]

    again = ran(["dcgan"], ["fd"])["searchFilter"]  # of the other the newest run is from before
    assert run_of(server, "dcgan fd").info.run_id in again and kept in again
    assert old not in again
    assert ui_address(server["tracking_uri"]).endswith(f"viewStateShareKey={NEWEST}")


def test_a_killed_process_s_runs_are_ended_and_gone_on_with(server, tmp_path):
    code = f"""
import os
from tests_spool import Path, Spool, begin
spool = Spool.begin(Path("spool"), {server["tracking_uri"]!r})
parent, child = begin(spool)
child.add_row({{"kimg": 1.0, "loss": 0.5}})
with spool.file.open("a") as file:
    file.write('{{"do": "metr')
    file.flush()
    os.kill(os.getpid(), 9)
"""
    (tmp_path / "tests_spool.py").write_text(Path(__file__).read_text())
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False)
    assert list((tmp_path / "spool").glob("*.jsonl"))

    spool = Spool.begin(tmp_path / "spool", server["tracking_uri"])
    sender = Sender(spool, server)
    assert sender.finish(60)
    first = run_of(server)
    assert first.info.status == "KILLED"

    spool = Spool.begin(tmp_path / "spool", server["tracking_uri"])
    sender, (parent, child) = Sender(spool, server), begin(spool)
    for kimg in (1.0, 2.0):
        child.add_row({"kimg": kimg, "loss": 0.4})
    child.close("FINISHED")
    parent.close("FINISHED")
    assert sender.finish(60)
    assert run_of(server).info.run_id == first.info.run_id
    assert steps_of(server) == [1000, 2000]
    assert run_of(server).info.status == "FINISHED"


def test_what_was_delivered_and_not_noted_is_not_there_twice(server, tmp_path):
    spool = Spool.begin(tmp_path / "spool", server["tracking_uri"])
    _, child = begin(spool)
    child.add_row({"kimg": 1.0, "loss": 0.5})
    child.close("FINISHED")
    said = spool.file.read_bytes()
    assert Sender(spool, server).finish(60)
    spool.file.write_bytes(said)
    assert Sender(Spool.begin(tmp_path / "spool", server["tracking_uri"]), server).finish(60)
    assert steps_of(server) == [1000]
    assert run_of(server).info.status == "FINISHED"


def leave(server: dict[str, str], folder: Path) -> Spool:
    """Leave what a process leaves that was killed when MLflow knew a part of it."""
    spool = Spool.begin(folder, server["tracking_uri"])
    _, child = begin(spool)
    Delivery(spool, *connect(server), lambda: None).all()
    child.add_row({"kimg": 1.0, "loss": 0.5})
    spool._lock.release()
    return spool


def test_a_killed_process_s_run_may_be_deleted_in_mlflow(server, tmp_path, caplog):
    left = leave(server, tmp_path / "spool")
    MlflowClient(server["tracking_uri"]).delete_run(run_of(server).info.run_id)
    assert Sender(Spool.begin(tmp_path / "spool", server["tracking_uri"]), server).finish(60)
    assert "MLflow refuses metrics of a run" in caplog.text
    assert "does not answer" not in caplog.text
    assert not left.file.exists()


def test_a_broken_note_of_what_mlflow_knows_has_it_told_again(server, tmp_path):
    left = leave(server, tmp_path / "spool")
    left.file.with_suffix(".sent").write_bytes(b"")
    assert Sender(Spool.begin(tmp_path / "spool", server["tracking_uri"]), server).finish(60)
    assert steps_of(server) == [1000]
    assert run_of(server).info.status == "KILLED"


def test_what_is_left_and_cannot_be_told_is_kept_and_holds_up_nothing_else(server, tmp_path, caplog):
    left = leave(server, tmp_path / "spool")
    left.add("params", next(iter(left.ids)), values={"path": "\udcff"})  # which no database takes
    spool = Spool.begin(tmp_path / "spool", server["tracking_uri"])
    TrackedRun(spool, "later", {}).close("FINISHED")
    assert Sender(spool, server).finish(60)
    assert run_of(server, "later").info.status == "FINISHED"
    assert left.file.exists()
    (line,) = caplog.messages
    assert line.startswith(f"MLflow takes no more of {left.file}, which is kept (")


def test_a_deleted_experiment_is_restored_with_a_line(server, tmp_path, caplog):
    client, experiment = connect(server)
    client.delete_experiment(experiment)
    spool = Spool.begin(tmp_path / "spool", server["tracking_uri"])
    begin(spool)
    assert Sender(spool, server).finish(60)
    assert run_of(server).info.status == "RUNNING"
    assert "was deleted: it is restored" in caplog.text


@pytest.mark.alone
def test_a_locked_database_keeps_nobody_and_the_rows_arrive_with_the_next_run(
    server, database, tmp_path, caplog
):
    caplog.set_level(logging.INFO, logger="gencompare")
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        spool = Spool.begin(tmp_path / "spool", server["tracking_uri"])
        sender, (_, child) = Sender(spool, server), begin(spool)
        started = time.monotonic()
        child.add_row({"kimg": 1.0, "loss": 0.5})
        child.close("FINISHED")
        assert time.monotonic() - started < 1
        assert not sender.finish(1)
        assert time.monotonic() - started < 3
        assert "the next run" in caplog.text
    while list((tmp_path / "spool").glob("*.lock")) and not sender._ended.wait(0.1):
        pass
    assert Sender(Spool.begin(tmp_path / "spool", server["tracking_uri"]), server).finish(60)
    assert steps_of(server) == [1000]


@pytest.mark.alone
def test_a_server_that_is_gone_is_said_once_and_costs_nothing(tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="gencompare")
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    spool = Spool.begin(tmp_path / "spool", address)
    sender, (_, child) = Sender(spool, {"tracking_uri": address}), begin(spool)
    while "does not answer" not in caplog.text:
        time.sleep(0.05)
    started = time.monotonic()
    child.add_row({"kimg": 1.0, "loss": 0.5})
    assert not sender.finish(8)
    assert time.monotonic() - started < 4
    assert caplog.text.count("does not answer") == 1
    assert "\n" not in caplog.records[0].getMessage()
    assert spool.file.read_text().count("\n") == 4


@pytest.mark.alone
def test_a_slow_server_keeps_nobody_and_the_rest_arrives_with_the_next_run(
    server, tmp_path, caplog, monkeypatch
):
    log_batch = MlflowClient.log_batch

    def slowly(*arguments, **named):
        time.sleep(0.4)
        log_batch(*arguments, **named)

    monkeypatch.setattr(MlflowClient, "log_batch", slowly)
    spool = Spool.begin(tmp_path / "spool", server["tracking_uri"])
    sender, (_, child) = Sender(spool, server), begin(spool)
    for number in range(20):
        child.log({f"score_{number}": {"fid": 3.0, "extractor": "inception"}})
    started = time.monotonic()
    assert not sender.finish(patience=1, at_most=2)
    assert time.monotonic() - started < 3
    assert caplog.text.count("MLflow has not been told everything") == 1
    assert "does not answer" not in caplog.text
    assert not spool.is_delivered()

    monkeypatch.setattr(MlflowClient, "log_batch", log_batch)
    sender._ended.wait(60)  # the process ends, as a rule
    assert Sender(Spool.begin(tmp_path / "spool", server["tracking_uri"]), server).finish(60)
    assert run_of(server).data.metrics["score_19.fid"] == 3.0


def test_what_mlflow_refuses_is_left_out_with_a_line_and_the_rest_arrives(server, tmp_path, caplog):
    spool = Spool.begin(tmp_path / "spool", server["tracking_uri"])
    sender, (_, child) = Sender(spool, server), begin(spool)
    child.log({"no such name?!": 1.0})
    child.log_file(tmp_path / "gone.png")
    child.add_row({"kimg": 1.0, "loss": 0.5})
    assert sender.finish(60)
    assert "MLflow refuses metrics" in caplog.text
    assert "gone.png" in caplog.text
    assert steps_of(server) == [1000]


def test_a_run_for_which_nothing_is_trained_is_added_only_where_there_is_no_such_run(server, tmp_path):
    def deliver(reused: bool, settings: dict[str, object] = SETTINGS) -> list[str]:
        spool = Spool.begin(tmp_path / "spool", server["tracking_uri"])
        parent = TrackedRun(spool, "gan_compare", {})
        tags = {"comparison": "gan_compare", "training": "dcgan"}
        child = TrainingRun(spool, parent, "dcgan", tags, settings, {}, reused)
        child.add_row({"kimg": 1.0, "loss": 0.5})
        child.log({"fid": 3.0})
        for run in (child, parent):
            run.close("FINISHED")
        assert Sender(spool, server).finish(60)
        client, experiment = connect(server)
        return sorted(run.info.run_name for run in client.search_runs([experiment]))

    assert deliver(reused=True) == ["dcgan", "gan_compare"]  # trained by another comparison: not known here
    assert deliver(reused=True) == ["dcgan", "gan_compare"]
    assert deliver(reused=False) == ["dcgan", "dcgan", "gan_compare", "gan_compare"]  # trained anew
    assert deliver(reused=True, settings={"training": {"lr": 0.2}}).count("dcgan") == 3
