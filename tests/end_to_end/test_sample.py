"""`kedro run --pipeline=sample` makes a contender's scored samples again, without the images that it learnt from."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from kedro.runner import SequentialRunner
from PIL import Image

from gencompare.config.typed import SettingError

from .conftest import newest, run


def sample(project, **request):
    run(project, "sample", runner=SequentialRunner, **request)


def test_samples_are_made_again_without_training_images_and_without_a_run_in_mlflow(
    finished, tmp_path, leave_training
):
    project = tmp_path / "project"
    left_out = ("05_model_input", "04_feature", "07_model_output", "trainings", "mlflow.db")
    shutil.copytree(finished, project, ignore=shutil.ignore_patterns(*left_out))
    for contender in ("vae", "ddpm", "dcgan"):
        sample(project, **{"from": f"gan_compare.{contender}", "n": 20})
        (own,) = finished.glob(f"data/07_model_output/gan_compare/*/{contender}")
        made = project / f"data/07_model_output/sample/gan_compare.{contender}"
        with np.load(newest(own, "samples.npz")) as saved, np.load(newest(made, "samples.npz")) as again:
            assert np.array_equal(again["images"], saved["images"][:20])
        assert Image.open(newest(made, "grid.png")).width > 100
        assert not (made / "pngs").exists() or not list((made / "pngs").iterdir())

    sample(project, **{"from": "gan_compare.vae", "n": 3, "seed": 7, "pngs": True})
    made = project / "data/07_model_output/sample/gan_compare.vae"
    with np.load(newest(made, "samples.npz")) as others:
        assert len(others["images"]) == 3
        singles = [np.asarray(Image.open(path).convert("RGB")) for path in sorted((made / "pngs").iterdir())]
        assert np.array_equal(np.stack(singles), others["images"])
    sample(project, **{"from": "gan_compare.vae", "n": 2, "seed": 8, "pngs": True})
    assert [path.name for path in sorted((made / "pngs").iterdir())] == ["seed8-00000.png", "seed8-00001.png"]

    leave_training(project / "data/06_models", "one/squares/conditional")  # which has learnt nothing
    for asked, labels in ((None, [2, 0, 1, 1, 2]), ("boot+bag", [2, 1, 2, 1, 2])):
        sample(project, **{"from": "one.conditional", "n": 5, "labels": asked})
        with np.load(newest(project / "data/07_model_output/sample/one.conditional", "samples.npz")) as made:
            assert made["labels"].tolist() == labels
            assert len(made["images"]) == 5


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"from": "gan_compare.dcgn"}, "did you mean gan_compare.dcgan"),
        ({"from": "gan_compare.vae", "labels": 1}, "labels=1: vae was trained without labels"),
        ({"from": "gan_compare.vae", "labls": 1}, "labls: no such parameter; did you mean labels"),
        ({"from": "gan_compare.vae", "training": {"kimg": 1}}, "training: has no effect on sample"),
        ({"from": "gan_compare.vae", "dataset": "pandas"}, "was not trained on pandas, but on squares"),
    ],
)
def test_what_cannot_be_sampled_is_refused_in_one_line(finished, request_, said):
    with pytest.raises(SettingError) as refused:
        sample(finished, **request_)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
