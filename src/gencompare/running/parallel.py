"""One contender trained by several processes of this machine, a core or a card each (`training.processes`).

The first is the one that calls: its are the checkpoints, the history and the result, and the others end with it.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import parent_process, resource_tracker
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from gencompare.config.typed import SettingError
from gencompare.imagesets import mapped  # noqa: F401  images are sent as where they lie
from gencompare.imagesets.arrays import Images
from gencompare.objectives.base import Objective
from gencompare.training import checkpoint, loop
from gencompare.training.device import pick_device
from gencompare.training.loop import Trained
from gencompare.training.progress import Stopped, stopping
from gencompare.training.settings import TrainingSettings
from gencompare.training.sharing import SharedWork, share

SECONDS_BETWEEN_LOOKS = 0.1

Make = Callable[[], Objective]


class ProcessLost(click.ClickException):
    """One of the processes that train a contender together has ended."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"a process of this training ended ({why}); the same command goes on from its checkpoint"
        )
        self.why = why

    def __reduce__(self) -> tuple[type[ProcessLost], tuple[str]]:
        return ProcessLost, (self.why,)


def train(
    make_objective: Make,
    images: Images,
    settings: TrainingSettings,
    *,
    name: str,
    seed: int,
    folder: Path,
) -> Trained:
    """Do what `loop.train` does, by as many processes as the settings say.

    Their result is one process's but for the rounding of sums; it has the same bytes each time.

    Args:
        make_objective: can be pickled, where there are several processes; so for the rest.

    Raises:
        SettingError: if there are fewer CUDA devices than processes.
        ProcessLost: if one of them is killed.
    """
    if settings.processes == 1:
        return loop.train(make_objective, images, settings, name=name, seed=seed, folder=folder)
    found = checkpoint.load_latest(folder)
    if found is not None and found[1]["status"] != "training":
        trained = loop.train(make_objective, images, settings, name=name, seed=seed, folder=folder)
    else:
        bare = Images(images.images, images.labels)
        with _others(make_objective, bare, settings, seed, folder) as sharing:
            trained = loop.train(sharing, images, settings, name=name, seed=seed, folder=folder)
    return _of_all(trained, settings.processes)


@contextmanager
def _others(
    make_objective: Make, images: Images, settings: TrainingSettings, seed: int, folder: Path
) -> Iterator[Make]:
    """Have the other processes train alongside while the context lasts; yield what makes this one's objective."""
    count, device, threads = settings.processes, pick_device(settings.device), torch.get_num_threads()
    if device.type == "cuda" and torch.cuda.device_count() < count:
        raise SettingError(
            f"training.processes={count}: there are {torch.cuda.device_count()} CUDA devices for this training;"
            " set it to as many or fewer"
        )
    with TemporaryDirectory(prefix="gencompare-") as scratch:
        for latest in folder.glob("[0-9]*"):  # where the others go on from; what they write is thrown away
            for rank in range(1, count):
                own = _folder(scratch, rank)
                own.mkdir(exist_ok=True)
                (own / latest.name).symlink_to(latest.absolute(), target_is_directory=True)
        each = max(1, threads // count)
        others = _start(count - 1, (scratch, each, make_objective, images, settings, seed))
        torch.set_num_threads(each)
        try:
            _wait_for(others, _store(scratch, count), count)
            with _member(0, device, _store(scratch, count), count, make_objective) as sharing:
                yield sharing
        except RuntimeError as error:  # gloo's and NCCL's, when one that they talk to is gone
            raise _why(others, error) from error
        finally:
            torch.set_num_threads(threads)
            for process in others.processes:
                process.kill()
            for process in others.processes:
                process.join()


def _start(count: int, arguments: tuple[Any, ...]) -> mp.ProcessContext:
    """Start processes that do not hear Ctrl-C: it reaches all of a terminal's."""
    resource_tracker.ensure_running()  # which unblocks what is blocked here
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return mp.spawn(_follow, arguments, count, join=False, daemon=True)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _follow(
    number: int,
    scratch: str,
    threads: int,
    make_objective: Make,
    images: Images,
    settings: TrainingSettings,
    seed: int,
) -> None:
    """Train in one of the other processes: write nothing that lasts, say nothing."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    logging.disable(logging.CRITICAL)
    torch.set_num_threads(threads)
    rank, device = number + 1, pick_device(settings.device)
    silent = dataclasses.replace(settings, checkpoint_seconds=sys.float_info.max, validations=0)
    store = _store(scratch, settings.processes)
    store.add("ready", 1)
    with _member(rank, device, store, settings.processes, make_objective) as sharing:
        loop.train(sharing, images, silent, name="", seed=seed, folder=_folder(scratch, rank))


@contextmanager
def _member(
    rank: int, device: torch.device, store: dist.Store, count: int, make_objective: Make
) -> Iterator[Make]:
    """Belong to the processes of a training while the context lasts; yield what makes an objective that is shared."""
    if device.type == "cuda":
        torch.cuda.set_device(rank)
    backend = "nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=count)
    try:
        with SharedWork() as work:
            yield lambda: share(make_objective(), work)
    finally:
        dist.destroy_process_group()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _wait_for(others: mp.ProcessContext, store: dist.Store, count: int) -> None:
    """Wait until all others have been loaded, for who waits in a rendezvous waits for the dead too."""
    while store.add("ready", 0) < count - 1:
        if stopping.is_set():
            raise Stopped
        try:
            others.join(SECONDS_BETWEEN_LOOKS)
        except Exception as error:
            raise ProcessLost(_line(error)) from error


def _why(others: mp.ProcessContext, error: RuntimeError) -> Exception:
    """Say why it failed here: because another process has ended, or by itself."""
    try:
        others.join(timeout=5.0)
    except Exception as of_other:
        if not _line(of_other).endswith(_line(error)):  # else all had the same
            return ProcessLost(_line(of_other))
    return error


def _line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1]


def _folder(scratch: str, rank: int) -> Path:
    return Path(scratch) / f"process-{rank}"


def _store(scratch: str, count: int) -> dist.Store:
    """Where they find each other."""
    return dist.FileStore(f"{scratch}/store", count)


def _of_all(trained: Trained, count: int) -> Trained:
    """Count what all processes took, where one has counted its own: operations, and memory, of which all take alike."""
    points = [
        dataclasses.replace(p, spent={**p.spent, "train_flops": count * p.spent["train_flops"]})
        for p in trained.points
    ]
    cost = trained.cost | {
        key: count * trained.cost[key] for key in ("train_flops", "cores", "peak_memory_mb")
    }
    cost["device"] = f"{count} processes, each on {cost['device']}"
    return dataclasses.replace(trained, points=points, cost=cost)
