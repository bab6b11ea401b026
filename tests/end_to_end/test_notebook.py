"""The notebooks run from top to bottom on a finished comparison, quietly, and show what they promise."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from .conftest import COMPARISONS, PROJECT

CONTENDERS = COMPARISONS["gan_compare"].contenders


@pytest.fixture(autouse=True)
def in_smoke_size(monkeypatch):
    monkeypatch.setenv("KEDRO_ENV", "smoke")


def executed(name, project, **replaced):
    """Return a notebook's outputs by kind, and all its text."""
    notebook = nbformat.read(PROJECT / f"notebooks/{name}.ipynb", as_version=4)
    for old, new in replaced.items():
        assert sum(f"{old} = " in cell.source for cell in notebook.cells) == 1
        for cell in notebook.cells:
            lines = cell.source.splitlines()
            cell.source = "\n".join(new if line.startswith(f"{old} = ") else line for line in lines)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(project)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    said = "".join(output["text"] for output in outputs if output.get("name") == "stderr")
    assert not [line for line in said.splitlines() if "Only 256 different images" not in line]  # conf/smoke's
    kinds = [kind for output in outputs for kind in output.get("data", {})]
    shown = [str(text) for output in outputs for text in output.get("data", {}).values()]
    return kinds, "\n".join([*shown, *(output.get("text", "") for output in outputs)])


def test_the_tour_shows_every_contender(finished):
    kinds, text = executed("01_tour", finished)
    assert all(f"**{name}**, 32 samples of (16, 16, 3)" in text for name in CONTENDERS)
    assert kinds.count("image/png") == len(CONTENDERS) + 3
    assert kinds.count("application/vnd.plotly.v1+json") == 2
    assert "| real images" in text and "model.name" in text


def test_a_model_of_a_notebook_is_compared_like_any_other(finished, tmp_path):
    project = tmp_path / "project"
    ignore = shutil.ignore_patterns("mlflow.db*", "mlartifacts")  # which name their folder
    shutil.copytree(finished, project, ignore=ignore)  # others look into this one
    kinds, text = executed("02_your_own_model", project, BUDGET='BUDGET = {"kimg": 0.5}')
    assert kinds.count("image/png") == 2
    assert "| patches" in text and "| dcgan" in text
    report = text.rstrip().splitlines()[-1]
    assert report.startswith(str(project)) and "patches" in Path(report).read_text()


def test_scores_see_what_the_notebook_says(finished):
    kinds, text = executed("03_reading_the_scores", finished)
    assert kinds.count("image/png") == 7
    scores = re.findall(r'"row_heading[^>]*>([^<]+)</th>', text)
    sets = re.findall(r'"col_heading[^>]*>([^<]+)</th>', text)
    red = {(scores[int(r)], sets[int(c)]) for r, c in re.findall(r"#T_\w+_row(\d+)_col(\d+)", text)}
    assert not [score for score, images in red if images == "real images"]
    for kind in ("kid_efficientnet", "precision", "recall", "coverage"):
        score = next(one for one in scores if one.startswith(kind))
        assert (score, "noise") in red and (score, "training images, copied") not in red
    assert ("memorised_pixels_32", "training images, copied") in red
