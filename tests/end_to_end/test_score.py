"""Samples of another tool, in a folder or an .npz, are scored with the code that scores contenders."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
from PIL import Image

from .conftest import newest, run


def test_a_contenders_own_samples_score_the_same_from_outside(finished, tmp_path):
    project = tmp_path / "project"
    shutil.copytree(finished, project)
    (contender,) = (project / "data/07_model_output/gan_compare").glob("*/ddpm")
    inside = json.loads(newest(contender, "scores.json").read_text())
    del inside["scores"]["reconstruction_error"]  # which images alone do not tell
    with np.load(newest(contender, "samples.npz")) as arrays:
        images = arrays["images"]
    folder = tmp_path / "pngs"
    folder.mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number:04d}.png")
    for path in (folder, newest(contender, "samples.npz")):
        run(project, "score", samples=str(path))
        (made,) = (project / "data/08_reporting/score").iterdir()
        assert json.loads(newest(made, "scores.json").read_text()) == inside
    assert "samples" in newest(made, "scores.csv").read_text()


def test_fewer_samples_than_asked_for_are_placed_between_as_many_real_images(project, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), np.uint8)
    np.save(tmp_path / "few.npy", images)
    run(project, "score", samples=str(tmp_path / "few.npy"), dataset="squares")
    (made,) = (project / "data/08_reporting/score").iterdir()
    assert json.loads(newest(made, "scores.json").read_text())["n"] == 20
    assert set(pd.read_csv(newest(made, "scores.csv"))["contender"]) == {"samples", "real images", "noise"}
