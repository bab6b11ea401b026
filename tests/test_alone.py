"""What two processes ask for at once is done once, and whoever waits can be stopped."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import threading
import time

import numpy as np
import pytest
import torch
from filelock import Timeout

from gencompare import alone as module
from gencompare.alone import alone
from gencompare.catalog.whole import WholeCatalog
from gencompare.config.contender import read_contender
from gencompare.evaluation.extractors import fetched
from gencompare.imagesets.archive import unpacked
from gencompare.imagesets.arrays import Images, ImageSplits
from gencompare.pipelines.modelling.nodes import set_budget
from gencompare.pipelines.modelling.validation import Validator
from gencompare.running.under_way import none_under_way, under_way
from gencompare.training.progress import Stopped, stopping

ONE = """
import os, sys, time
from pathlib import Path
from gencompare.alone import alone
folder = Path(sys.argv[1])
(folder / f"{os.getpid()}.here").touch()
with alone(folder / "lock", "dcgan"):
    if not (folder / "done").exists():
        while len(list(folder.glob("*.here"))) < 3:
            time.sleep(0.01)
        with (folder / "count").open("a") as file:
            file.write("1")
        (folder / "done").touch()
"""


def test_processes_at_once_do_it_once(tmp_path):
    running = [subprocess.Popen([sys.executable, "-c", ONE, str(tmp_path)]) for _ in range(3)]
    assert [one.wait(timeout=60) for one in running] == [0, 0, 0]
    assert (tmp_path / "count").read_text() == "1"


@pytest.mark.alone
def test_who_waits_says_so_and_can_be_stopped(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LOOKS", 0.05)
    caplog.set_level("INFO", logger="gencompare")
    timer = threading.Timer(0.3, stopping.set)
    with alone(tmp_path / "lock", "it is done elsewhere"):
        timer.start()
        started = time.monotonic()
        try:
            with pytest.raises(Stopped), alone(tmp_path / "lock", "it is done elsewhere"):
                pass
        finally:
            stopping.clear()
    assert time.monotonic() - started < 2
    assert "it is done elsewhere" in caplog.text


def test_it_is_free_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), alone(tmp_path / "lock", "dcgan"):
        raise ZeroDivisionError
    with alone(tmp_path / "lock", "dcgan"):
        pass


class Held:
    """A lock that somebody else holds for good."""

    is_locked = False

    def __init__(self, file):
        self.file = file

    def acquire(self, timeout):
        raise Timeout(self.file)


def unpack(folder):
    with tarfile.open(folder / "birds.tar", "w"):
        pass
    unpacked(folder / "birds.tar", folder, "image_set.folder")


def save_pictures(folder):
    entry = {"type": "partitions.PartitionedDataset", "path": f"{folder}/pngs", "dataset": "json.JSONDataset"}
    WholeCatalog.from_config({"pngs": entry}).save("pngs", {"one": {}})


def come_in(enter):
    with enter:
        pass


CARD = {"channels": 1, "resolution": 16, "classes": [], "sha256": {"train": "a"}}
IMAGES = Images(np.zeros((9, 16, 16, 1), np.uint8))
CONTENDER = {
    "model": {"name": "dcgan", "width": 4},
    "objective": {"name": "vanilla"},
    "sampler": {"name": "latent"},
    "training": {"kimg": 1, "device": "cpu"},
}
SETTINGS = {"name": "gan", "contender": "gan", "seed": 0, "budget": {"minutes": 1}}
WAITS = {
    "an archive": (unpack, "birds.tar: another run is unpacking it; waiting"),
    "weights": (lambda _: fetched("https://host/a.pt", None, "inception"), "a.pt: it is being downloaded"),
    "pictures": (save_pictures, "pngs: another run is replacing it; waiting"),
    "a run": (lambda folder: come_in(under_way(folder, "v")), "kedro prune is removing"),
    "prune": (lambda folder: come_in(none_under_way(folder, "prune")), "kedro prune is removing"),
    "features": (
        lambda folder: Validator(IMAGES, folder, 9, "cpu")._kept(IMAGES.images),
        "features of the training images are being extracted elsewhere; waiting",
    ),
    "a budget": (
        lambda folder: set_budget(
            ImageSplits(IMAGES, IMAGES, CARD), SETTINGS | read_contender(CONTENDER).values(), folder
        ),
        "gan: its speed is being measured elsewhere; waiting",
    ),
}


@pytest.mark.parametrize(("wait", "said"), WAITS.values(), ids=WAITS)
def test_every_wait_says_for_what_and_can_be_stopped(tmp_path, caplog, monkeypatch, wait, said):
    caplog.set_level("INFO", logger="gencompare")
    monkeypatch.setattr(module, "FileLock", Held)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    stopping.set()
    try:
        with pytest.raises(Stopped):
            wait(tmp_path)
    finally:
        stopping.clear()
    (line,) = caplog.messages
    assert line.startswith(said)
