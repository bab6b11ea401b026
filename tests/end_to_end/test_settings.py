"""Every setting in force stands in the plan, in MLflow, in the report and in the model card, and they are the same."""

from __future__ import annotations

import json
import re
from html import unescape

import mlflow
import pytest
from mlflow import MlflowClient

from gencompare.config.typed import flatten
from gencompare.config_loader import ComparisonConfigLoader
from gencompare.settings import CONFIG_LOADER_ARGS

from .conftest import newest

SETTING = re.compile(r"<div><dt><code>([^<]*)</code></dt><dd>([^<]*)</dd></div>")


@pytest.fixture(scope="module")
def planned(finished):
    loader = ComparisonConfigLoader(str(finished / "conf"), env="smoke", **CONFIG_LOADER_ARGS)
    planned = loader.plan.planned["gan_compare"]
    settings = {one.name: flatten(planned.settings(one)) for one in planned.trainings}
    return {name: {k: str(v) for k, v in values.items()} for name, values in settings.items()}


@pytest.fixture(scope="module")
def children(finished):
    client = MlflowClient(f"sqlite:///{finished}/mlflow.db")
    experiment = client.get_experiment_by_name("gencompare").experiment_id
    runs = client.search_runs([experiment], "tags.contender LIKE '%'")
    return client, {run.data.tags["contender"]: run for run in runs}


def test_class_defaults_are_among_them(planned):
    assert {"training.decay_from", "objective.n_critic", "model.critic_norm"} < planned["wgan_gp"].keys()


def test_mlflow_has_them_as_parameters(planned, children):
    assert {name: run.data.params for name, run in children[1].items()} == planned


def test_the_report_lists_them(planned, finished):
    (folder,) = (finished / "data/08_reporting/gan_compare").iterdir()
    html = newest(folder, "report.html").read_text()
    section = html[html.index('<section id="settings"') :]
    section = section[: section.index("</section>")]
    shared, *own = (dict(SETTING.findall(part)) for part in section.split("<details>")[1:])
    shown = [{k: unescape(v) for k, v in (shared | one).items()} for one in own]
    assert {one["name"]: one for one in shown} == planned


def test_the_model_card_lists_them(planned, children):
    client, runs = children
    for name, run_ in runs.items():
        (model,) = client.get_run(run_.info.run_id).outputs.model_outputs
        at = client.get_logged_model(model.model_id).artifact_location
        card = mlflow.artifacts.load_text(f"{at}/data/contender/README.md")
        table = card[card.index("## Settings") : card.index("## How to load it")]
        rows = re.findall(r"^\| (\S+) \| (.*) \|$", table, re.MULTILINE)
        assert dict(rows[2:]) == planned[name]


def test_what_was_trained_is_what_was_planned(planned, finished):
    (folder,) = (finished / "data/06_models/gan_compare").iterdir()
    for name, values in planned.items():
        saved = json.loads(newest(folder / name, "settings.json").read_text())
        assert {k: str(v) for k, v in flatten(saved).items()} == values
