"""A full disk or memory ends work in one line that says what to try."""

from __future__ import annotations

import errno
import pickle
from pathlib import Path

import pytest
import torch

from gencompare.running.exhaustion import Exhausted, WorkerKilled, in_one_line
from gencompare.running.remote import remote

SETTINGS = {"name": "dcgan_2", "contender": "dcgan", "training": {"batch_size": 64}}


def work(error, *arguments):
    raise error


ERRORS = {
    "memory": (MemoryError(), "contenders.dcgan.training.batch_size=32"),
    "card": (
        torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to"),
        "dcgan_2: out of memory, at training.batch_size=64; try",
    ),
    "allocator": (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "dcgan_2: out of"),
    "killed": (WorkerKilled(21), "dcgan_2: its worker was killed 21 times, as the system does"),
    "disk": (
        OSError(errno.ENOSPC, "No space left on device", "state.json"),
        "No space left on device for state",
    ),
}


@pytest.mark.parametrize(("error", "said"), ERRORS.values(), ids=ERRORS)
def test_one_line(error, said):
    with pytest.raises(Exhausted) as raised:
        remote(work)(error, SETTINGS)
    assert said in raised.value.message
    assert "\n" not in raised.value.message
    assert pickle.loads(pickle.dumps(raised.value)).message == raised.value.message


def test_a_disk_that_is_full_in_the_middle_of_a_file_is_known_by_the_folders_of_the_work():
    """The system names a file that cannot be opened, and none that cannot go on."""
    with pytest.raises(Exhausted, match="^No space left on device for data/a or data/b; nothing is lost"):
        remote(work)(
            OSError(errno.ENOSPC, "No space left on device"), SETTINGS, Path("data/a"), Path("data/b")
        )


def test_work_without_a_contender():
    with pytest.raises(Exhausted, match="evaluation.samples"), in_one_line([1, {}]):
        raise MemoryError


def test_a_real_allocation_that_fails():
    with pytest.raises(Exhausted), in_one_line([]):
        torch.empty(2**60, dtype=torch.uint8)


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), OSError(errno.EACCES, "no"), ValueError()])
def test_other_errors_stay_what_they_are(error):
    with pytest.raises(type(error)), in_one_line([SETTINGS]):
        raise error
