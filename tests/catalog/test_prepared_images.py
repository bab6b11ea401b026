from __future__ import annotations

import base64
import inspect
import io
import json
import logging
import pickle
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kedro.io import DataCatalog, DatasetError
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner
from PIL import Image

import gencompare.imagesets.mapped  # noqa: F401  images are sent as where they lie
from gencompare import alone as alone_module
from gencompare.alone import alone
from gencompare.catalog.prepared_images import PreparedImagesDataset
from gencompare.config.typed import SettingError
from gencompare.imagesets import make_image_set, storage
from gencompare.imagesets.arrays import ImageSplits
from gencompare.imagesets.squares import Squares
from gencompare.pipelines.imagesets.nodes import prepare_images
from gencompare.training.progress import Stopped, stopping

from ..conftest import until

SETTINGS = {"name": "squares", "count": 60, "heldout": 20, "resolution": 16}


@pytest.fixture
def dataset(tmp_path: Path) -> PreparedImagesDataset:
    return PreparedImagesDataset(filepath=str(tmp_path / "squares"))


def state(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir() if path.is_file()
    }


def test_a_node_prepares_what_the_next_loads(tmp_path):
    seen: list[ImageSplits] = []
    pipeline = Pipeline(
        [
            Node(prepare_images, inputs="params:image_set", outputs="prepared"),
            Node(lambda prepared: seen.append(prepared) or 1, inputs="prepared", outputs="done"),
        ]
    )
    catalog = DataCatalog.from_config(
        {
            "prepared": {
                "type": "gencompare.catalog.prepared_images.PreparedImagesDataset",
                "filepath": str(tmp_path / "squares"),
                "metadata": {"kedro-viz": {"layer": "model_input"}},
            }
        }
    )
    catalog["params:image_set"] = SETTINGS
    SequentialRunner().run(pipeline, catalog)
    drawn = Squares(resolution=16).draw("heldout", 0, 20)
    assert np.array_equal(seen[0].heldout.images, drawn.images)
    assert len(seen[0].train) == 60


def test_the_same_again_does_nothing(dataset, tmp_path, caplog):
    dataset.save(make_image_set(SETTINGS).prepare())
    before = state(tmp_path / "squares")
    with caplog.at_level(logging.INFO):
        again = make_image_set(SETTINGS).prepare()
        dataset.save(replace(again, train=pytest.fail, heldout=pytest.fail))
    assert state(tmp_path / "squares") == before
    assert caplog.messages[-1] == "squares: prepared already, 60 images to train on and 20 held out"


def test_changed_settings_replace_the_images_and_leave_neighbours_alone(dataset, tmp_path):
    dataset.save(make_image_set(SETTINGS).prepare())
    (tmp_path / "squares" / "reference.json").write_text("{}")
    (tmp_path / "squares" / "train.csv").write_text("from another time")
    mapped = dataset.load().train.images
    first = mapped.copy()
    dataset.save(make_image_set({**SETTINGS, "seed": 1}).prepare())
    assert not np.array_equal(dataset.load().train.images, first)
    assert np.array_equal(mapped, first)
    assert (tmp_path / "squares" / "reference.json").exists()
    assert not (tmp_path / "squares" / "train.csv").exists()


@pytest.mark.parametrize("name", storage.FILES)
def test_an_incomplete_folder_counts_as_absent_and_is_prepared_anew(dataset, tmp_path, name):
    assert not dataset.exists()
    dataset.save(make_image_set(SETTINGS).prepare())
    assert dataset.exists()
    whole = {name: content for name, (_, content) in state(tmp_path / "squares").items()}
    (tmp_path / "squares" / name).unlink()
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="no prepared images"):
        dataset.load()
    dataset.save(make_image_set(SETTINGS).prepare())
    assert {name: content for name, (_, content) in state(tmp_path / "squares").items()} == whole


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-40])


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def damaged(file: Path) -> None:
    """Break an archive where its first array is compressed: its directory does not tell."""
    content = bytearray(file.read_bytes())
    start = 30 + sum(struct.unpack("<HH", content[26:30]))  # behind its name
    content[start : start + 16] = b"\xff" * 16
    file.write_bytes(content)


def without(key: str) -> Callable[[Path], None]:
    def drop(card: Path) -> None:
        card.write_text(json.dumps({k: v for k, v in json.loads(card.read_text()).items() if k != key}))

    return drop


BROKEN = {
    f"{name} {break_.__name__}": (name, break_)
    for name in ("train.npz", "heldout.npz", "train.npy", "card.json")
    for break_ in (cut, emptied)
} | {
    "train.npz damaged": ("train.npz", damaged),
    "card.json without the fingerprint": ("card.json", without("fingerprint")),
    "card.json without the hashes": ("card.json", without("sha256")),
    "card.json without the counts": ("card.json", without("counts")),
    "card.json that is a list": ("card.json", lambda card: card.write_text("[]")),
}


@pytest.mark.parametrize(("name", "break_"), BROKEN.values(), ids=BROKEN)
def test_a_broken_folder_counts_as_absent_and_is_prepared_anew(dataset, tmp_path, name, break_):
    dataset.save(make_image_set(SETTINGS).prepare())
    whole = (tmp_path / "squares" / name).read_bytes()
    break_(tmp_path / "squares" / name)
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="no prepared images"):
        dataset.load()
    dataset.save(make_image_set(SETTINGS).prepare())
    assert (tmp_path / "squares" / name).read_bytes() == whole
    assert len(dataset.load().train) == 60


def test_unusable_files_end_in_one_line_and_leave_nothing_behind(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (20, 20), "red").save(photos / "a.png")
    Image.new("RGB", (20, 20), "blue").save(photos / "b.png")
    (photos / "c.png").write_bytes((photos / "a.png").read_bytes()[:-30])
    dataset = PreparedImagesDataset(filepath=str(tmp_path / "prepared"))
    with pytest.raises(DatasetError) as raised:
        dataset.save(make_image_set({"name": "folder", "path": str(photos)}).prepare())
    assert str(raised.value).startswith(f"image_set.path={photos}: 1 of 3 image files cannot be read")
    assert "\n" not in str(raised.value)
    assert not dataset.exists()
    assert [path.name for path in (tmp_path / "prepared").iterdir()] == [".lock"]


KILLED = """
import sys, time
from functools import partial
from gencompare.catalog.prepared_images import PreparedImagesDataset
from gencompare.imagesets import make_image_set
import dataclasses

def slow(chunks):
    for chunk in chunks():
        yield chunk
        print("chunk", flush=True)
        time.sleep(60)

preparation = make_image_set({settings}).prepare()
preparation = dataclasses.replace(preparation, heldout=partial(slow, preparation.heldout))
PreparedImagesDataset(filepath=sys.argv[1]).save(preparation)
"""


def test_a_run_killed_half_way_leaves_nothing_that_looks_complete(dataset, tmp_path):
    folder = tmp_path / "squares"
    code = KILLED.replace("{settings}", repr(SETTINGS))
    process = subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "chunk\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (folder / ".partial").exists()
    assert not dataset.exists()
    dataset.save(make_image_set(SETTINGS).prepare())
    assert sorted(path.name for path in folder.iterdir()) == sorted([".lock", *storage.FILES])


def test_of_two_runs_at_once_one_prepares_and_the_other_waits(tmp_path, caplog, monkeypatch):
    preparation, started = make_image_set(SETTINGS).prepare(), []
    caplog.set_level(logging.INFO, logger="gencompare")
    monkeypatch.setattr(alone_module, "SECONDS_BETWEEN_LOOKS", 0.05)

    def slow():
        started.append(1)
        until(lambda: "waiting" in caplog.text)  # as the other says
        yield from preparation.train()

    def save() -> None:
        PreparedImagesDataset(filepath=str(tmp_path / "squares")).save(replace(preparation, train=slow))

    with ThreadPoolExecutor(2) as pool:
        for run in [pool.submit(save), pool.submit(save)]:
            run.result()
    assert started == [1]
    prepared = PreparedImagesDataset(filepath=str(tmp_path / "squares")).load()
    assert np.array_equal(prepared.train.images, Squares(resolution=16).draw("train", 0, 60).images)


def test_who_waits_for_another_run_to_prepare_them_can_be_stopped(dataset, tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="gencompare")
    (tmp_path / "squares").mkdir()
    with alone(tmp_path / "squares/.lock", "nobody else is there"):
        stopping.set()
        try:
            with pytest.raises(DatasetError) as raised:
                dataset.save(make_image_set(SETTINGS).prepare())
        finally:
            stopping.clear()
    assert isinstance(raised.value.__cause__, Stopped)
    assert caplog.messages == ["squares: another run is preparing it; waiting"]
    assert not dataset.exists()


def test_a_run_whose_images_another_has_prepared_anew_ends_in_a_line(dataset, tmp_path):
    dataset.save(make_image_set(SETTINGS).prepare())
    splits = dataset.load()
    sent = pickle.dumps(splits)
    assert np.array_equal(pickle.loads(sent).train.images, splits.train.images)
    other = PreparedImagesDataset(filepath=str(tmp_path / "squares"))
    other.save(make_image_set(SETTINGS | {"seed": 1}).prepare())
    assert not np.array_equal(other.load().train.images, splits.train.images)
    with pytest.raises(SettingError, match="prepared these images anew meanwhile"):
        dataset.load()
    with pytest.raises(SettingError, match="prepared these images anew meanwhile"):
        pickle.loads(sent)
    other.save(make_image_set(SETTINGS | {"count": 50}).prepare())
    with pytest.raises(SettingError, match="give the same command again"):
        pickle.loads(sent)
    (tmp_path / "squares" / storage.CARD).unlink()  # as while they are being put in place
    with pytest.raises(SettingError, match="give the same command again"):
        pickle.loads(sent)


def test_the_preview_is_the_contact_sheet(dataset):
    dataset.save(make_image_set(SETTINGS).prepare())
    sheet = Image.open(io.BytesIO(base64.b64decode(dataset.preview())))
    assert sheet.format == "PNG"
    assert sheet.width > 12 * 64
    # kedro-viz picks the kind of preview by the name of the return annotation
    annotation = inspect.signature(PreparedImagesDataset.preview).return_annotation
    assert getattr(annotation, "__name__", annotation) == "ImagePreview"
