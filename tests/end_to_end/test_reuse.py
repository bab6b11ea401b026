"""A report is written from artifacts that agree with the settings in force, or refused; what is stale is made again."""

from __future__ import annotations

import json
import logging
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gencompare.config.typed import SettingError

from .conftest import newest, run

VAE = {"chosen_contenders": "vae"}


@pytest.fixture
def copied(finished: Path, once: Callable[..., Path], tmp_path: Path) -> Path:
    """A project in which the VAE alone was compared last."""

    def make(folder: Path) -> None:
        shutil.copytree(finished, folder, dirs_exist_ok=True)
        run(folder, **VAE)

    return Path(shutil.copytree(once("small", make), tmp_path / "project"))


def reports(project: Path) -> list[Path]:
    return sorted(project.glob("data/08_reporting/gan_compare/*/report.html/*/report.html"))


def test_what_was_made_with_other_settings_is_not_reported_on(copied):
    before = reports(copied)
    with pytest.raises(SettingError, match=r"vae.* made with training.lr=\S+ and asked for is 0.5") as said:
        run(copied, tags=["report"], training={"lr": 0.5}, **VAE)
    assert "\n" not in str(said.value)
    with pytest.raises(SettingError, match=r"made with evaluation.samples=\S+ and asked for is 17"):
        run(copied, tags=["report"], evaluation={"samples": 17}, **VAE)
    assert reports(copied) == before


def test_only_what_is_stale_or_broken_is_made_again(copied, caplog):
    before = reports(copied)
    caplog.set_level(logging.INFO, logger="gencompare")
    (folder,) = copied.glob("data/07_model_output/gan_compare/*/vae")
    broken = newest(folder, "samples.npz")
    broken.write_bytes(broken.read_bytes()[:1000])
    run(copied, only_missing_outputs=True, training={"lr": 0.0123}, **VAE)
    (said,) = [line for line in caplog.text.splitlines() if "gan_compare.vae: " in line]
    assert "weights made again: what is saved was made with training.lr" in said
    (made,) = copied.glob("data/06_models/gan_compare/*/vae")
    assert json.loads(newest(made, "settings.json").read_text())["training"]["lr"] == 0.0123
    assert len(reports(copied)) == len(before) + 1
    assert "0.0123" in reports(copied)[-1].read_text()
    caplog.clear()
    run(copied, only_missing_outputs=True, **VAE)
    said = [line for line in caplog.text.splitlines() if "gan_compare.vae: " in line and "is used" in line]
    samples, others = sorted(said, key=len)  # those broken above are of a still older version
    assert "of samples is used; what is saved was made with training.lr=0.0123" in samples
    assert len(reports(copied)) == len(before) + 2  # its pictures were of the run with the other lr
    (report,) = copied.glob("data/08_reporting/gan_compare/*")
    versions = json.loads(newest(report, "origin.json").with_name("versions.json").read_text())
    assert versions["vae/scores.json"] == sorted(folder.glob("scores.json/*"))[-2].name
    assert versions["report.html"] == reports(copied)[-1].parent.name
    assert "stage_weights, stages, trajectory, weights is used; what is saved was made with" in others


def test_a_broken_newest_version_gives_way_to_the_one_before_and_the_clock_may_go_back(copied, caplog):
    (folder,) = copied.glob("data/07_model_output/gan_compare/*/vae")
    broken, whole = newest(folder, "samples.npz"), sorted(folder.glob("samples.npz/*"))[-2]
    broken.write_bytes(broken.read_bytes()[:1000])
    in_future = "2099-01-01T00.00.00.000Z"
    (report,) = {path.parents[1] for path in reports(copied)}
    shutil.copytree(reports(copied)[0].parent, report / in_future)
    run(copied, tags=["report"], **VAE)
    assert broken.with_name("samples.npz.broken").exists()
    assert whole.name in caplog.text
    assert reports(copied)[-1].parent.name == "2099-01-01T00.00.00.001Z"


def test_scores_alone_are_made_again_where_they_alone_are_stale(copied, caplog):
    caplog.set_level(logging.INFO, logger="gencompare")
    run(copied, only_missing_outputs=True, evaluation={"bootstrap": 50}, **VAE)
    begun = {line.split("── ")[1] for line in caplog.text.splitlines() if "── " in line}
    assert begun == {
        *("gan-images.describe_reference", "gan-vae.score", "gan-vae.gather"),
        *("gan-report.tabulate_scores", "gan-report.tabulate_costs", "gan-report.write_report"),
    }


def test_another_claim_makes_the_report_anew(copied):
    before = reports(copied)
    declared = copied / "conf/base/comparisons.yml"
    declared.write_text(declared.read_text().replace("training is stable", "training is calm"))
    run(copied, only_missing_outputs=True, **VAE)
    assert len(reports(copied)) == len(before) + 1
    page = reports(copied)[-1].read_text()
    assert "training is calm" in page and "ddpm is not in this run" in page


def test_two_comparisons_in_one_run(copied):
    command = [sys.executable, "-m", "kedro", "run", "--pipelines=gan_compare,vae_compare", "--env=smoke"]
    subprocess.run([*command, "--dataset=squares", "--contenders=vae"], cwd=copied, check=True)
    assert len(list(copied.glob("data/08_reporting/vae_compare/*/report.html/*/report.html"))) == 1


def test_the_same_command_again_makes_nothing_and_tells_what_came_out(copied):
    def given_again(*words):
        command = [
            sys.executable,
            "-m",
            "kedro",
            "run",
            "--pipelines=gan_compare",
            "--env=smoke",
            "--contenders=vae",
        ]
        done = subprocess.run([*command, *words], cwd=copied, capture_output=True, text=True, check=True)
        with sqlite3.connect(copied / "mlflow.db") as database:
            runs = database.execute("select count(*), sum(lifecycle_stage = 'active') from runs").fetchone()
        return done.stderr, sorted(path for path in (copied / "data").rglob("*") if path.is_file()), runs

    _, files, runs = given_again()
    said, files_after, runs_after = given_again()
    assert files_after == files
    assert runs_after == runs
    assert not list((copied / "mlspool").glob("*.jsonl"))  # nor will MLflow be told of a new run later
    assert "Nothing to do: all is made from these settings, images and code" in said
    assert "failed to learn" in said
    assert str(reports(copied)[-1]) in said

    said, remade, runs_now = given_again("--remake")
    assert "vae is already trained" in said
    assert len(remade) > len(files)
    begun, shown = runs
    assert runs_now == (begun + 1, shown)  # the comparison's own, which is taken back: nothing was trained
