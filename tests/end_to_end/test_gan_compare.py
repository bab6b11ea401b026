"""The main job from raw images to report, in smoke size."""

from __future__ import annotations

import json
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from safetensors.numpy import load_file

from .conftest import COMPARISONS, newest, run
from .test_interruption import assert_same_bytes

CONTENDERS = COMPARISONS["gan_compare"].contenders


def only(folder: Path) -> Path:
    (found,) = folder.iterdir()
    return found


def test_every_artifact_lands_where_other_tools_expect_it(finished):
    image_set = only(finished / "data/06_models/gan_compare").name
    assert image_set.startswith("squares")
    assert (finished / "data/05_model_input" / image_set / "card.json").is_file()
    for contender in CONTENDERS:
        models = finished / "data/06_models/gan_compare" / image_set / contender
        output = finished / "data/07_model_output/gan_compare" / image_set / contender
        last, best = (
            load_file(newest(models, f"{name}.safetensors")) for name in ("weights", "best_weights")
        )
        assert last and last.keys() == best.keys()
        assert {"kimg"} < set(pd.read_csv(newest(models, "history.csv")).columns)
        settings = json.loads(newest(models, "settings.json").read_text())
        assert settings["training"]["kimg"] == json.loads(newest(models, "budget.json").read_text())["kimg"]
        with np.load(newest(output, "samples.npz"), allow_pickle=False) as samples:
            assert samples["images"].shape == (32, 16, 16, 3)
            assert samples["images"].dtype == np.uint8
        curve = json.loads(newest(models, "curve.json").read_text())["points"]
        cost = json.loads(newest(models, "cost.json").read_text())
        spent = [point["kimg"] for point in curve]
        assert [spent[0], spent[-1]] == [0.0, cost["kimg"]]
        assert len(spent) == 1 + settings["training"]["validations"]
        with np.load(newest(output, "curve_samples.npz"), allow_pickle=False) as shown:
            assert shown["images"].shape == (len(spent) * 16, 16, 16, 3)
        for picture in ("interpolation.png", "trajectory.png", "sample_grid.png"):
            assert newest(output, picture).stat().st_size > 200
    report = finished / "data/08_reporting/gan_compare" / image_set
    html = newest(report, "report.html").read_text()
    table = pd.read_csv(newest(report, "scores.csv"))
    for paste in ("scores.md", "scores.tex"):
        assert all(
            name.replace("_", r"\_" if paste.endswith("tex") else "_") in newest(report, paste).read_text()
            for name in CONTENDERS
        )
    assert set(CONTENDERS) <= set(table["contender"])
    assert all(contender in html for contender in CONTENDERS)
    figures = {
        "score_bars",
        "quality_curves",
        "pareto",
        "loss_curves",
        "health_curves",
    }
    assert all("data" in json.loads(newest(report, f"{name}.json").read_text()) for name in figures)


def test_figures_are_pictures_too_where_there_is_a_chrome(finished, chromium):
    pictures = list((finished / "data/08_reporting/gan_compare").glob("*/pictures/*.png"))
    assert len(pictures) == 5
    assert all(picture.stat().st_size > 5_000 for picture in pictures)


def test_mlflow_has_one_child_per_contender_with_the_same_score_and_cost_names(finished):
    client = MlflowClient(f"sqlite:///{finished}/mlflow.db")
    experiment = client.get_experiment_by_name("gencompare")
    runs = client.search_runs([experiment.experiment_id])
    (parent,) = [r for r in runs if "mlflow.parentRunId" not in r.data.tags]
    children = {
        r.data.tags["contender"]: r
        for r in runs
        if r.data.tags.get("mlflow.parentRunId") == parent.info.run_id
    }
    assert set(children) == set(CONTENDERS)
    assert all(r.info.status == "FINISHED" for r in runs)
    shared = [
        {m for m in r.data.metrics if not m.startswith(("loss/", "grad_norm/"))} for r in children.values()
    ]
    scores_and_costs = set.intersection(*shared)
    assert {"squares_valid", "train_seconds", "peak_memory_mb", "nfe"} <= scores_and_costs
    assert {"best_validation_kid", "last_validation_kid"} <= scores_and_costs
    assert any(name.startswith("fd_efficientnet_lite0") for name in scores_and_costs)
    for child in children.values():
        assert {"git_commit", "version.torch", "device", "family", "image_set"} <= set(child.data.tags)
        assert child.data.params["seed"] == "0"
        validations = int(child.data.params["training.validations"])
        assert (
            len(client.get_metric_history(child.info.run_id, "validation_kid")) == 1 + validations
        )  # the start
        loss = next(name for name in child.data.metrics if name.startswith("loss/"))
        assert len(client.get_metric_history(child.info.run_id, loss)) == 10
        artifacts = {a.path for a in client.list_artifacts(child.info.run_id)}
        assert {"sample_grid.png", "interpolation.png", "trajectory.png"} <= artifacts
    assert {"report.html", "scores.csv"} <= {a.path for a in client.list_artifacts(parent.info.run_id)}
    assert parent.inputs.dataset_inputs


def test_same_seed_gives_the_same_bytes(finished, project):
    run(project)
    assert_same_bytes(finished, project, CONTENDERS)
    tables = [
        newest(only(root / "data/08_reporting/gan_compare"), "scores.csv") for root in (finished, project)
    ]
    assert tables[0].read_bytes() == tables[1].read_bytes()


@pytest.fixture(autouse=True)
def _no_run_left_open():
    yield
    while mlflow.active_run():
        mlflow.end_run()
