"""The two web pages a user opens, in a real browser: MLflow's comparison of contenders and kedro-viz."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from playwright.sync_api import Browser, Page

from gencompare.tracking.server import runs_address, ui_address
from gencompare.tracking.views import view_key

from ..conftest import until
from .conftest import COMPARISONS, free_port

CONTENDERS = COMPARISONS["gan_compare"].contenders


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1500, "height": 1000})
    page.set_default_timeout(60_000)
    yield page
    page.close()


def answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=2)
    except OSError:
        return False
    return True


@contextmanager
def mlflow_server(project: Path) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--workers=1", f"--port={port}", "--host=127.0.0.1"]
    command += [f"--backend-store-uri=sqlite:///{project}/mlflow.db"]
    server = subprocess.Popen(command, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: server.poll() is not None or answers(f"{address}/health"), 120)
        assert server.poll() is None
        yield address
    finally:
        server.terminate()
        server.wait()


def test_mlflow_compares_the_contenders(finished, page, tmp_path):
    tracking = f"sqlite:///{finished}/mlflow.db"
    experiment = MlflowClient(tracking).get_experiment_by_name("gencompare").experiment_id
    with mlflow_server(finished) as server:
        page.goto(ui_address(tracking, server))
        page.get_by_text("Group: dcgan").wait_for()
        table = page.inner_text("body")
        page.screenshot(path=tmp_path / "runs.png")
        page.goto("about:blank")
        page.goto(runs_address(experiment, view_key("gan_compare", "squares"), charts=True, server=server))
        page.get_by_text("Scores and curves").wait_for()
        page.get_by_text("validation_kid", exact=True).first.wait_for()
        charts = page.inner_text("body")
        page.screenshot(path=tmp_path / "charts.png")
    for contender in CONTENDERS:
        assert f"Group: {contender}" in table
        assert f"Group: {contender}" in charts
    assert "squares_valid" in table
    assert charts.index("kid_efficientnet_lite0_32") < charts.index("validation_kid")


@contextmanager
def static_site(folder: Path) -> Iterator[str]:
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def graph(finished, once) -> Path:
    """The site that `kedro viz build` makes of the finished project."""

    def build(folder: Path) -> None:
        command = [sys.executable, "-m", "kedro", "viz", "build", "--include-previews"]
        smoke = os.environ | {"KEDRO_ENV": "smoke"}
        built = subprocess.run(command, cwd=finished, env=smoke, capture_output=True, text=True, check=False)
        assert built.returncode == 0, built.stderr
        shutil.copytree(finished / "build", folder, dirs_exist_ok=True)

    return once("graph", build)


def answer(graph: Path, kind: str, name: str) -> dict[str, Any]:
    """Read what kedro-viz answers about a pipeline or a node."""
    return json.loads((graph / "api" / kind / name).read_text())


def test_kedro_viz_shows_a_box_a_contender_on_one_screen(graph, page, tmp_path):
    page.set_viewport_size({"width": 1920, "height": 1080})
    with static_site(graph) as site:
        page.goto(f"{site}/?pid=gan_compare&types=nodes")
        boxes = page.locator("g.pipeline-node")
        boxes.first.wait_for()
        page.wait_for_timeout(3000)  # the graph moves into place
        page.screenshot(path=tmp_path / "overview.png")
        names = boxes.locator("text").all_text_contents()
        places = [label.bounding_box() for label in boxes.locator("text").all()]
        sidebar = page.locator(".pipeline-sidebar").bounding_box()
    assert sorted(names) == sorted(f"gan-{part}" for part in (*CONTENDERS, "images", "report"))
    assert all(
        place["x"] >= sidebar["x"] + sidebar["width"] and place["x"] + place["width"] <= 1920
        for place in places
    )
    assert all(place["y"] >= 0 and place["y"] + place["height"] <= 1080 for place in places)


def test_kedro_viz_shows_pictures_on_click(graph, page, tmp_path):
    with static_site(graph) as site:
        page.goto(f"{site}/?pid=gan_compare")
        page.get_by_text("gan_compare.dcgan.sample_grid").first.wait_for()
        page.locator("[class*=feature-hints] button").first.click()
        page.get_by_text("gan_compare.dcgan.sample_grid").first.click()
        picture = page.locator("img[src^='data:image']").first
        picture.wait_for()
        shown = page.inner_text("body")
        page.screenshot(path=tmp_path / "graph.png")
        assert picture.evaluate("image => image.naturalWidth") > 100
    assert all(layer in shown for layer in ("feature", "models", "model_output", "reporting"))


@pytest.mark.parametrize(
    "name",
    [
        *(f"dcgan.{kind}" for kind in ("sample_grid", "interpolation", "trajectory", "history")),
        *("prepared", "table", "costs", "score_bars_figure", "loss_curves_figure"),
    ],
)
def test_pictures_tables_and_figures_have_a_preview(graph, name):
    node = hashlib.sha1(f"gan_compare.{name}".encode()).hexdigest()[:8]
    assert answer(graph, "nodes", node)["preview"]


@pytest.mark.parametrize("name", COMPARISONS)
def test_every_dataset_lies_in_a_layer_and_every_node_bears_a_tag(graph, name):
    found = answer(graph, "pipelines", name)
    assert {"feature", "model_input", "models", "model_output", "reporting"} <= set(found["layers"])
    data = [node for node in found["nodes"] if node["type"] == "data"]
    assert [node["name"] for node in data if node["layer"] is None] == []
    assert [node["name"] for node in found["nodes"] if node["type"] == "task" and not node["tags"]] == []
    boxes = {node["name"] for node in found["nodes"] if node["type"] == "modularPipeline"}
    parts = {training.name for training in COMPARISONS[name].trainings} | {"images", "report"}
    assert boxes == {f"{name.removesuffix('_compare')}-{part}" for part in parts}
