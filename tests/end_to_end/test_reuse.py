"""A report is written from artifacts that agree with the settings in force, or refused; what is stale is made again."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import pytest

from gencompare.config.typed import SettingError

from .conftest import newest, run

VAE = {"chosen_contenders": "vae"}


@pytest.fixture(scope="module")
def small(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which the VAE alone was compared last."""
    project = tmp_path_factory.mktemp("small") / "project"
    shutil.copytree(finished, project)
    run(project, **VAE)
    return project


@pytest.fixture
def copied(small: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small, tmp_path / "project"))


def reports(project: Path) -> list[Path]:
    return sorted(project.glob("data/08_reporting/gan_compare/*/report.html/*/report.html"))


def test_what_was_made_with_other_settings_is_not_reported_on(small):
    before = reports(small)
    with pytest.raises(SettingError, match=r"vae.* made with training.lr=\S+ and asked for is 0.5") as said:
        run(small, tags=["report"], training={"lr": 0.5}, **VAE)
    assert "\n" not in str(said.value)
    with pytest.raises(SettingError, match=r"made with evaluation.samples=\S+ and asked for is 17"):
        run(small, tags=["report"], evaluation={"samples": 17}, **VAE)
    assert reports(small) == before


def test_only_what_is_stale_or_broken_is_made_again(copied, caplog):
    before = reports(copied)
    run(copied, only_missing_outputs=True, **VAE)
    assert reports(copied) == before

    caplog.set_level(logging.INFO, logger="gencompare")
    (folder,) = copied.glob("data/07_model_output/gan_compare/*/vae")
    broken = newest(folder, "samples.npz")
    broken.write_bytes(broken.read_bytes()[:1000])
    run(copied, only_missing_outputs=True, training={"lr": 0.0123}, **VAE)
    assert "gan_compare.vae.weights is made again: what is saved was made with training.lr" in caplog.text
    (made,) = copied.glob("data/06_models/gan_compare/*/vae")
    assert json.loads(newest(made, "settings.json").read_text())["training"]["lr"] == 0.0123
    assert len(reports(copied)) == len(before) + 1
    assert "0.0123" in reports(copied)[-1].read_text()


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
