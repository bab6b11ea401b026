"""What cannot work is refused in one clear line before anything is prepared or trained."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gencompare.config.typed import SettingError

from .conftest import run

BAD = {
    "unknown image set": ({"dataset": "square"}, "did you mean squares"),
    "unknown contender": ({"contenders": {"dcgn": {"training": {"kimg": 1}}}}, "did you mean dcgan"),
    "unknown model": ({"contenders": {"vae": {"model": {"name": "vea"}}}}, "did you mean vae"),
    "unknown setting": ({"contenders": {"dcgan": {"training": {"batchsize": 1}}}}, "did you mean batch_size"),
    "negative budget": (
        {"contenders": {"dcgan": {"training": {"kimg": -1}}}},
        "contenders.dcgan.training.kimg=-1",
    ),
    "resolution no model makes": ({"image_sets": {"squares": {"resolution": 50}}}, "50"),
    "missing folder": (
        {"dataset": "folder", "image_sets": {"folder": {"path": "/no/such/folder"}}},
        "/no/such/folder",
    ),
    "weights that are not there": (
        {"evaluation": {"extractor": "inception", "weights": "/no/such/inception.pth"}},
        "/no/such/inception.pth",
    ),
    "no folder given": ({"dataset": "folder"}, "image_sets.folder.path"),
}


def assert_nothing_was_made(project):
    assert not [path for path in (project / "data").rglob("*") if path.is_file()]


@pytest.mark.parametrize(("parameters", "said"), BAD.values(), ids=BAD.keys())
def test_refused_in_one_line(project, parameters, said):
    with pytest.raises(SettingError) as refused:
        run(project, **parameters)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert_nothing_was_made(project)


def test_folder_without_images(project, tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    for said in ("no images in it", "readable image"):
        with pytest.raises(SettingError, match=said):
            run(project, dataset="folder", image_sets={"folder": {"path": str(folder)}})
        (folder / "notes.txt").write_text("no image")
        (folder / "wrong.png").write_text("no image either")
    assert_nothing_was_made(project)


def test_command_line_shows_one_line_and_no_traceback(project):
    command = [sys.executable, "-m", "kedro", "run", "--pipeline=gan_compare", "--params=dataset=circles"]
    ended = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    said = ended.stdout + ended.stderr
    assert ended.returncode == 1
    assert "Traceback" not in said
    assert "circles" in said
    assert "deprecated" not in said
    assert_nothing_was_made(project)
