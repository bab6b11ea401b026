"""In what an artifact may disagree with the settings in force."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from kedro_datasets.partitions import PartitionedDataset

from gencompare.comparisons import Training
from gencompare.hooks.reuse import ReuseHook, changed, disagreement
from gencompare.pipeline_registry import Owned

MADE = {"images": "abc", "code": "123", "training": {"lr": 0.1, "kimg": 5}, "evaluation": {"samples": 100}}
OTHER = {
    "same": (MADE, None),
    "nothing noted": ({}, "not known what it was made from"),
    "images not noted": ({"code": "123"}, "other images"),
    "images": (MADE | {"images": "abd"}, "other images"),
    "code": (MADE | {"code": "124"}, "by other code"),
    "setting": (
        MADE | {"training": {"lr": 0.2, "kimg": 5}},
        "made with training.lr=0.2, and asked for is 0.1",
    ),
    "one more": (MADE | {"objective": {"name": "wgan"}}, "made with objective.name='wgan'"),
    "one fewer": ({k: v for k, v in MADE.items() if k != "evaluation"}, "evaluation.samples=None"),
}


@pytest.mark.parametrize(("made", "said"), OTHER.values(), ids=OTHER)
def test_disagreement(made, said):
    found = disagreement(MADE, made)
    assert found is None if said is None else said in found


def test_what_was_made_of_other_files_in_the_same_folder_is_not_reused(tmp_path):
    weights = tmp_path / "unet" / "diffusion_pytorch_model.safetensors"
    weights.parent.mkdir()
    settings = {"model": {"name": "pretrained_unet", "folder": str(tmp_path)}, "training": {"device": "cpu"}}
    training = Training("unet", 0)
    hook = ReuseHook()
    hook._owners = {"c.weights": Owned("weights", "c", training), "c.report": Owned("report", "c", None)}
    hook._contents, hook._code = {"c": ""}, {False: "", True: ""}
    planned = SimpleNamespace(
        settings=lambda _: settings,
        trainings=[training],
        comparison=None,
        evaluation=SimpleNamespace(values={"samples": 10}),
    )
    hook._plan = SimpleNamespace(planned={"c": planned})

    def made(content):
        weights.write_bytes(content)
        return [hook._wanted(name) for name in ("c.weights", "c.report")]

    one, same, other = made(b"one"), made(b"one"), made(b"two")
    for before, again, after in zip(one, same, other, strict=True):
        assert disagreement(again, before) is None
        assert "diffusion_pytorch_model.safetensors=" in (disagreement(after, before) or "")


def test_what_changed_is_said_in_a_few_words():
    assert changed(MADE, OTHER["setting"][0]) == "training.lr 0.2 → 0.1"


def test_pictures_that_a_killed_run_left_in_part_are_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(ReuseHook, "_wanted", lambda self, name: MADE)
    hook = ReuseHook()
    hook._catalog = {"pictures": PartitionedDataset(path=str(tmp_path), dataset="json.JSONDataset")}
    (tmp_path / "pareto.png").touch()
    assert hook._choose("pictures", {}) == "it is not known what it was made from"
    (tmp_path / "made_from.json").write_text(json.dumps(MADE))
    assert hook._choose("pictures", {}) is None
