"""Arrays are read whole, by any number of threads at once, and never unpickled."""

from __future__ import annotations

import gc
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from gencompare.array_files import map_array, read_array, read_arrays
from gencompare.files import BROKEN


@pytest.fixture
def often_collecting():
    before = gc.get_threshold()
    gc.set_threshold(7)
    yield
    gc.set_threshold(*before)


class Waits:
    """Garbage that lets another thread go on while it is collected."""

    def __init__(self):
        self.itself = self

    def __del__(self):
        time.sleep(0)


@pytest.mark.usefixtures("often_collecting")
def test_threads_that_read_at_once(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(12))
    np.savez(tmp_path / "a.npz", a=np.arange(12), b=np.arange(3))

    def deep(frames: int) -> None:
        if frames:
            return deep(frames - 1)
        for _ in range(60):
            for _ in range(3):
                Waits()
            assert map_array(tmp_path / "a.npy").sum() == read_array(tmp_path / "a.npy").sum() == 66
            assert read_arrays(tmp_path / "a.npz")["b"].sum() == 3
        return None

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(deep, [0, 100, 200, 300]))


def test_a_mapped_array_cannot_be_written(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(12))
    with pytest.raises(ValueError, match="read-only"):
        map_array(tmp_path / "a.npy")[0] = 1


def test_one_kind_of_file_is_not_taken_for_the_other(tmp_path):
    np.save((tmp_path / "a.npz").open("wb"), np.arange(12))
    np.savez((tmp_path / "a.npy").open("wb"), a=np.arange(12))
    with pytest.raises(ValueError, match="one array"):
        read_arrays(tmp_path / "a.npz")
    for reader in (read_array, map_array):
        with pytest.raises(ValueError, match="several arrays"):
            reader(tmp_path / "a.npy")


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_objects_and_broken_files_are_refused(tmp_path, name):
    save, reader = (np.save, read_array) if name == "a.npy" else (np.savez, read_arrays)
    save(tmp_path / name, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="Object arrays"):
        reader(tmp_path / name)
    save(tmp_path / name, np.arange(50))
    whole = (tmp_path / name).read_bytes()
    for length in (0, 3, 60, len(whole) - 1):
        (tmp_path / name).write_bytes(whole[:length])
        with pytest.raises(BROKEN):
            reader(tmp_path / name)
