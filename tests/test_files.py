"""Files that are never seen in part, and what becomes of broken ones."""

from __future__ import annotations

import errno
import json
import os
import resource
from functools import partial
from stat import S_ISDIR
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from kedro.io import DatasetError
from safetensors.numpy import load_file, save_file

from gencompare.catalog.tensors import TensorsDataset
from gencompare.evaluation.features import features
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.files import read_json, read_sound, set_aside, write_json, write_whole
from gencompare.training import checkpoint, validation


def test_a_write_that_fails_leaves_what_was_there_and_nothing_beside_it(tmp_path):
    write_json(tmp_path / "a.json", {"first": 1})
    with pytest.raises(OSError, match="no space"):
        write_whole(tmp_path / "a.json", fail)
    assert read_json(tmp_path / "a.json") == {"first": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_file_is_on_the_disk_before_it_has_its_name_and_its_name_before_anything_refers_to_it(
    tmp_path, monkeypatch
):
    """Or a loss of power leaves an empty file under its name, and a checkpoint that counts on it."""
    synced, path = [], tmp_path / "a"

    def fsync(descriptor):
        found = os.fstat(descriptor)
        synced.append(("folder" if S_ISDIR(found.st_mode) else found.st_size, path.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    write_whole(path, lambda file: file.write(b"12345"))
    assert synced == [(5, False), ("folder", True)]


def fail(file):
    file.write(b"half")
    raise OSError("no space left")


def in_catalog(folder):
    """Kedro wraps the error."""
    try:
        TensorsDataset(filepath=str(folder / "a")).save(LARGE)
    except DatasetError as error:
        raise error.__cause__ from error


LARGE = {"g.w": torch.zeros(50_000)}
TALL = SimpleNamespace(
    name="tall", passport=dict, network=torch.nn.Identity(), embed=lambda images: images.flatten(1)
)
WRITERS = {
    "JSON": lambda folder: write_json(folder / "a", {"key": "value" * 50_000}),
    "numpy": lambda folder: write_whole(folder / "a", lambda file: np.save(file, np.zeros(50_000))),
    "numpy's archive": lambda folder: write_whole(
        folder / "a", lambda file: np.savez(file, np.zeros(50_000))
    ),
    "features": lambda folder: features(
        np.zeros((40, 32, 32, 3), np.uint8), TALL, EvaluationSettings(device="cpu"), folder
    ),
    "kept weights": lambda folder: validation.keep(LARGE, folder, 1),
    "a checkpoint": lambda folder: checkpoint.save(folder, "1", LARGE, {}),
    "the catalog": in_catalog,
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_a_file_for_which_there_is_no_room_fails_with_the_system_s_number(tmp_path, write):
    """By it a full disk is known, and said in one line; here it is the largest size of a file."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limit[1]))
    try:
        with pytest.raises(OSError) as raised:
            write(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert raised.value.errno == errno.EFBIG


def test_every_broken_file_has_a_free_name_of_its_own(tmp_path):
    names = []
    for _ in range(3):
        (tmp_path / "a").write_text("")
        names.append(set_aside(tmp_path / "a").name)
    assert names == ["a.broken", "a.broken1", "a.broken2"]


READERS = {
    "json": (read_json, lambda path: path.write_text(json.dumps({"key": "value"}))),
    "npy": (partial(np.load, allow_pickle=False), lambda path: np.save(path.open("wb"), np.arange(50))),
    "safetensors": (load_file, lambda path: save_file({"a": np.arange(50)}, path)),
}


@pytest.mark.parametrize(("read", "write"), READERS.values(), ids=READERS)
@pytest.mark.parametrize("left", [0, 5, 150])
def test_a_file_cut_anywhere_is_set_aside_with_a_line(tmp_path, caplog, read, write, left):
    path = tmp_path / "file"
    assert read_sound(path, read) is None
    assert caplog.text == ""
    write(path)
    assert read_sound(path, read) is not None
    content = path.read_bytes()[: min(left, path.stat().st_size - 1)]
    path.write_bytes(content)
    assert read_sound(path, read) is None
    assert "file.broken" in caplog.text
    assert (tmp_path / "file.broken").read_bytes() == content


def test_what_is_not_the_file_s_fault_is_not_taken_for_it(tmp_path):
    def out_of_memory(path):
        raise MemoryError

    (tmp_path / "a").write_text("{}")
    with pytest.raises(MemoryError):
        read_sound(tmp_path / "a", out_of_memory)
    assert (tmp_path / "a").exists()


@pytest.mark.parametrize("content", ["whole", "broken"])
def test_a_file_that_another_run_takes_away_meanwhile_is_not_there(tmp_path, content):
    def read(path):
        path.unlink()
        if content == "broken":
            raise ValueError("broken")
        return path.read_text()

    (tmp_path / "a").write_text("")
    assert read_sound(tmp_path / "a", read) is None


def test_a_file_that_misses_another_is_not_taken_for_absent(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(FileNotFoundError):
        read_sound(tmp_path / "a", lambda path: (path.parent / "b").read_text())


def test_two_containers_whose_threads_have_one_number_write_beside_each_other(tmp_path):
    """A shared volume shows the names of both."""
    names = []

    def write(file):
        names.append(file.name)
        if len(names) == 1:
            write_whole(tmp_path / "a", write)

    write_whole(tmp_path / "a", write)
    assert len(set(names)) == 2
