"""What is superseded can go; what is the newest, referenced or in use stays."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from filelock import FileLock

from gencompare import alone
from gencompare.config.typed import SettingError
from gencompare.prune import remove, superseded
from gencompare.running.under_way import none_under_way, under_way

from .conftest import until

VERSIONS = [f"2026-01-0{day}T00.00.00.000Z" for day in range(1, 6)]


def write(path: Path, content: str = "12345") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    outputs = tmp_path / "data/07_model_output/gan_compare/squares/dcgan"
    models = tmp_path / "data/06_models/gan_compare/squares/dcgan"
    for number, version in enumerate(VERSIONS):
        write(outputs / "samples.npz" / version / "samples.npz")
        write(models / "settings.json" / version / "settings.json", json.dumps(settings(lr=number)))
    return tmp_path


def settings(name: str = "dcgan", **training: float) -> dict[str, object]:
    return {"name": name, "model": {}, "objective": {}, "images": {}, "seed": 0, "training": training}


def gone(project: Path, keep: int = 2) -> set[str]:
    return {str(one.path.relative_to(project / "data")) for one in superseded(project, keep)}


def test_the_newest_versions_stay(project):
    found = superseded(project, 2)
    assert {(one.path.parent.name, one.path.name) for one in found} == {
        (name, version) for name in ("samples.npz", "settings.json") for version in VERSIONS[:3]
    }
    assert {one.size for one in found if one.path.parent.name == "samples.npz"} == {5}
    remove(found)
    assert superseded(project, 2) == []
    assert sorted(path.name for path in project.rglob("samples.npz/*/")) == VERSIONS[3:]


def test_the_scores_of_a_kept_report_stay(project):
    reports = project / "data/08_reporting/gan_compare/squares/scores.csv"
    write(reports / VERSIONS[1] / "scores.csv")
    assert f"07_model_output/gan_compare/squares/dcgan/samples.npz/{VERSIONS[1]}" not in gone(project)
    assert f"07_model_output/gan_compare/squares/dcgan/samples.npz/{VERSIONS[0]}" in gone(project)


def test_what_a_kept_report_was_written_from_stays_though_other_settings_came_between(project):
    reports = project / "data/08_reporting/gan_compare/squares/origin.json"
    write(reports / VERSIONS[4] / "origin.json")
    record = {"dcgan/samples.npz": VERSIONS[1], "dcgan/settings.json": VERSIONS[1]}
    write(reports / VERSIONS[4] / "versions.json", json.dumps(record))
    write(project / "data/06_models/trainings/used/settings.json", json.dumps(settings(lr=1)))
    write(project / "data/06_models/trainings/used/000000010/state.json", json.dumps({"status": "finished"}))
    found = gone(project, keep=1)
    assert {path.rpartition("/")[2] for path in found} == {VERSIONS[0], VERSIONS[2], VERSIONS[3]}


@pytest.mark.parametrize(
    "said",
    [
        '{"do": "file", "path": "FILE"}',
        '{"do": "model", "files": {"a.npz": "FILE"}}',
        '\0\0{"do": "end"}\n{"do": "file", "path": "FILE"}',  # after a power loss
    ],
)
def test_what_mlflow_is_still_to_be_given_stays(project, said):
    file = project / f"data/07_model_output/gan_compare/squares/dcgan/samples.npz/{VERSIONS[0]}/samples.npz"
    write(project / "mlspool/a.jsonl", said.replace("FILE", str(file)) + '\n{"do": "fi')
    assert str(file.parent.relative_to(project / "data")) not in gone(project)


def test_trainings_stay_while_they_are_used_unfinished_or_under_way(project):
    trainings = project / "data/06_models/trainings"
    states = {
        "old": (0, "finished"),
        "used": (4, "finished"),
        "cut": (0, "training"),
        "at it": (0, "finished"),
    }
    for name, (lr, status) in states.items():
        asked = settings(name=name, lr=lr, checkpoint_seconds=9)  # by another, who shares the training
        write(trainings / name / "settings.json", json.dumps(asked))
        write(trainings / name / "000000010/state.json", json.dumps({"status": status}))
    with FileLock(trainings / "at it" / ".lock"):
        assert {path for path in gone(project) if "trainings" in path} == {"06_models/trainings/old"}


def test_what_was_set_aside_or_left_in_part_can_go_but_not_what_is_being_written(project):
    folder = project / "data/07_model_output"
    write(folder / "samples.npz.broken1")
    write(folder / ".old.part/samples.npz")
    write(folder / ".new.part/samples.npz")
    old = time.time() - 2 * 24 * 3600
    os.utime(folder / ".old.part", (old, old))
    found = gone(project)
    assert {"07_model_output/samples.npz.broken1", "07_model_output/.old.part"} < found
    assert "07_model_output/.new.part" not in found


def test_what_no_run_has_written_stays(project):
    write(project / "data/01_raw/signs/arrow.broken/1.png")
    os.utime(write(project / "data/01_raw/photos.zip.part"), (0, 0))
    assert {path for path in gone(project) if path.startswith("01_raw")} == set()


def test_a_link_goes_and_what_it_leads_to_stays(project, tmp_path):
    elsewhere = write(tmp_path / "elsewhere/samples.npz").parent
    version = project / f"data/07_model_output/gan_compare/squares/dcgan/samples.npz/{VERSIONS[0]}"
    shutil.rmtree(version)
    version.symlink_to(elsewhere)
    remove(superseded(project, 2))
    assert not version.is_symlink()
    assert (elsewhere / "samples.npz").exists()


def test_what_a_run_takes_away_meanwhile_is_left_out(project):
    """A link to nowhere is, to who reads it, what a file is that has just gone."""
    (project / "mlspool").mkdir()
    for path in ("data/07_model_output/a.part", f"data/07_model_output/{VERSIONS[0]}", "mlspool/a.jsonl"):
        (project / path).symlink_to("nowhere")
    found = gone(project)
    assert found
    assert not any(
        path.startswith(("07_model_output/a.part", f"07_model_output/{VERSIONS[0]}")) for path in found
    )


def test_the_command_only_says_what_it_would_remove_unless_told_to(project, monkeypatch):
    from gencompare.cli import cli

    metadata = SimpleNamespace(project_path=project)
    said = CliRunner().invoke(cli, ["prune", "--keep=2"], obj=metadata).output
    assert "samples.npz" in said
    assert "--yes" in said
    assert len(list(project.rglob("samples.npz/*/"))) == 5
    said = CliRunner().invoke(cli, ["prune", "--keep=2", "--yes"], obj=metadata).output
    assert "freed" in said
    assert len(list(project.rglob("samples.npz/*/"))) == 2
    assert "Nothing" in CliRunner().invoke(cli, ["prune", "--keep=2"], obj=metadata).output


RUN = """
import sys, time
from pathlib import Path
from gencompare.running.under_way import under_way
with under_way(Path(sys.argv[1]), "2026-01-01T00.00.00.000Z"):
    print("under way", flush=True)
    time.sleep(60)
"""


def test_the_command_removes_nothing_beside_a_run_and_all_after_that_was_killed(project):
    from gencompare.cli import cli

    asked = partial(CliRunner().invoke, cli, obj=SimpleNamespace(project_path=project))
    run = subprocess.Popen([sys.executable, "-c", RUN, project / "data"], stdout=subprocess.PIPE)
    assert run.stdout.readline()
    try:
        refused = asked(["prune", "--yes"])
        assert refused.exit_code == 1
        assert refused.output.startswith("Error: kedro prune --yes: a run is under way")
        assert len(refused.output.splitlines()) == 1
        assert "would be freed" in asked(["prune"]).output
    finally:
        run.kill()
        run.communicate()
    assert "freed." in asked(["prune", "--yes"]).output
    assert [path.name for path in (project / "data/.runs").iterdir()] == ["door"]


def test_a_run_waits_while_something_is_removed_and_leaves_no_lock(tmp_path, caplog, monkeypatch):
    caplog.set_level("INFO", logger="gencompare")
    monkeypatch.setattr(alone, "SECONDS_BETWEEN_LOOKS", 0.05)

    def run():
        with under_way(tmp_path, "2026-01-01T00.00.00.000Z"):
            began.append(time.monotonic())

    began = []
    thread = threading.Thread(target=run)
    with none_under_way(tmp_path, "prune"):
        thread.start()
        until(lambda: "kedro prune is removing" in caplog.text)
        removed = time.monotonic()
    thread.join(timeout=30)
    assert began[0] > removed
    assert [path.name for path in (tmp_path / ".runs").iterdir()] == ["door"]


def test_two_runs_never_save_the_same_version(tmp_path):
    version = "2026-01-01T00.00.00.000Z"
    with under_way(tmp_path, version):
        with pytest.raises(SettingError, match=version), under_way(tmp_path, version):
            pass
        with under_way(tmp_path, "2026-01-01T00.00.00.001Z"):
            pass
    with under_way(tmp_path, version):
        pass
