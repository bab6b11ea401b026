"""The engine: a Dask cluster of this machine's cores, or one elsewhere, that heavy work is sent to."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from itertools import count
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

import click
import dask
import joblib
from distributed import Client, KilledWorker, Nanny, Scheduler, SpecCluster
from distributed.comm import CommClosedError

from gencompare.config.typed import SettingError
from gencompare.imagesets import mapped  # noqa: F401  images are sent as where they lie
from gencompare.running import forks, worker
from gencompare.running.exhaustion import WorkerKilled
from gencompare.running.order import Order
from gencompare.training import progress

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

SECONDS_FOR_WORKERS = 60
"""So long workers elsewhere may take to arrive."""
SECONDS_BETWEEN_CHECKS = 5
"""Whether all workers are there."""
TRIES_TO_START = 3
"""For a worker that is killed before it is ready ends the start of all: Dask replaces those that were ready once."""
SECONDS_TO_GIVE_WAY = 1
"""To work that is to be begun before and has not come, while nothing is under way."""

CONFIG = {
    "distributed.worker.daemon": False,  # a worker may start processes of its own
    "distributed.worker.multiprocessing-method": "forkserver" if forks.can_fork() else "spawn",
    "distributed.worker.memory.terminate": False,  # training goes on, slower, rather than from its checkpoint
    "distributed.scheduler.allowed-failures": 20,  # work whose worker was killed goes on from its checkpoint
    "distributed.scheduler.worker-ttl": None,  # a step may keep a worker silent for as long as it takes
    # Dask's own value has glibc hand large tensors back to the system at every step: a U-Net trains a third slower.
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,
    "distributed.admin.tick.limit": "1h",
    "distributed.admin.large-graph-warning-threshold": "1GB",
}


class Waiting(NamedTuple):
    """Work that waits for a worker: what sorts first goes first."""

    urgency: int
    number: int
    label: str


class EngineLost(click.ClickException):
    """The engine is gone while work was under way."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"the engine at {address} is gone; give the same command again: trainings go on from their checkpoints"
        )


class Engine:
    """Sends work to workers and passes on what they say meanwhile.

    Args:
        order: what of the work to come is begun first.
        environments: one for each process on this machine: which cores or card it has.
        address: of a scheduler elsewhere, in place of processes on this machine.

    Raises:
        SettingError: if there is no scheduler at the address, or its workers have other code or several threads.
    """

    def __init__(
        self, order: Order, environments: Sequence[Mapping[str, Any]], address: str | None = None
    ) -> None:
        dask.config.set(CONFIG)
        self.run = uuid4().hex  # what tells its work from that of other runs on the same workers
        self.order = order
        self.is_closed = False
        self._turn = threading.Condition()
        self._waiting: list[Waiting] = []
        self._numbers = count()
        self._begun: set[str] = set()
        self._under_way = 0
        self.places = len(environments)  # how much is done at once
        self._quiet_since = time.monotonic()
        self._code = worker.code() if address else None  # which workers elsewhere must have, too
        self._cluster = None if address else _started(environments)
        self.client = Client(self._cluster or address, set_as_default=False)
        self.address = str(address or self.client.scheduler_info()["address"])
        if self._code is not None:
            self._check_workers(self._code)
            self.places = self._count_places()
        self._rows: SimpleQueue[Any] = SimpleQueue()
        threading.Thread(target=self._pass_rows_on, daemon=True).start()
        self.client.subscribe_topic(f"{worker.ROWS} {self.run}", lambda event: self._rows.put(event[1]))
        self.client.forward_logging("gencompare")

    def call(self, label: str, function: Callable[..., Result], *arguments: Any) -> Result:
        """Call a function of a module on a worker and wait for its result.

        Raises:
            EngineLost: if the scheduler is gone.
            WorkerKilled: if every worker that tried it was killed.
            Stopped: if the work was to begin after all work was asked to stop.
        """
        if self._cluster is None:
            self.places = self._count_places()
        self._wait_for_turn(label)
        try:
            return self._result(
                self.client.submit(worker.work, self.run, self._code, label, function, arguments, pure=False)
            )
        finally:
            with self._turn:
                self._under_way -= 1
                self._changed()

    def _wait_for_turn(self, label: str) -> None:
        """Wait until a worker is free and, of all that waits, this is first. Dask's own priorities hold within what
        it has put down for one worker, and what another then takes over is any of it."""
        with self._turn:
            mine = Waiting(-self.order.priorities.get(label, 0), next(self._numbers), label)
            self._waiting.append(mine)
            self._changed()
            try:
                while not progress.stopping.is_set() and not self._is_turn_of(mine):
                    self._turn.wait(SECONDS_TO_GIVE_WAY)
                if progress.stopping.is_set():
                    raise progress.Stopped
                self._begun.add(label)
                self._under_way += 1
            finally:
                self._waiting.remove(mine)
                self._changed()

    def _is_turn_of(self, mine: Waiting) -> bool:
        if self._under_way >= self.places:
            return False
        ready = [one for one in self._waiting if self._begun.issuperset(self.order.after.get(one.label, ()))]
        if not ready and not self._under_way and time.monotonic() - self._quiet_since > SECONDS_TO_GIVE_WAY:
            ready = self._waiting  # what is to go before may have no thread to come in
        return bool(ready) and mine == min(ready)

    def _changed(self) -> None:
        self._quiet_since = time.monotonic()
        self._turn.notify_all()

    def _count_places(self) -> int:
        """How much the workers can do at once by now."""
        try:
            return max(1, sum(self.client.nthreads().values()))
        except (OSError, TimeoutError, RuntimeError):
            raise EngineLost(self.address) from None

    def _result(self, future: Any) -> Any:
        """Wait in turns until it is there, then take it in one go: Dask fetches what several threads take at once
        together, and a turn of one of them that ended meanwhile would cancel that for all."""
        try:
            while not self._is_there(future):
                self._keep_workers()
            return future.result()
        except KilledWorker as error:
            raise WorkerKilled(error.allowed_failures + 1) from error
        except (CancelledError, CommClosedError):
            raise progress.Stopped if progress.stopping.is_set() else EngineLost(self.address) from None

    @staticmethod
    def _is_there(future: Any) -> bool:
        """Wait for a turn and say whether the work is over, however it ended."""
        try:
            future.exception(timeout=SECONDS_BETWEEN_CHECKS)
        except TimeoutError:
            return False
        return True

    def _keep_workers(self) -> None:
        """Start workers anew whose replacements died too while they started, which Dask gives up."""
        if self._cluster is not None:
            self._cluster.scale(len(self._cluster.worker_spec))

    def _check_workers(self, ours: str) -> None:
        """Refuse workers with other code or another torch, for what they made could not be told from ours, and those of
        several threads. Workers that come later are looked at when they are given work."""
        with suppress(TimeoutError):
            self.client.wait_for_workers(1, timeout=SECONDS_FOR_WORKERS)
        codes, threads = self.client.run(worker.code), self.client.nthreads()
        logger.info("%d workers at %s.", len(codes), self.address)
        if not codes:
            raise SettingError(f"engine={self.address}: it has no workers; start one with --nthreads=1")
        for name, theirs in sorted(codes.items()):
            if said := worker.objection(ours, theirs, threads.get(name, 1)):
                raise SettingError(f"engine={self.address}: {name} {said}")

    def stop(self) -> None:
        """Have all work of this engine write its checkpoint and end. A worker that is being replaced misses it."""
        with suppress(
            OSError, RuntimeError, CancelledError
        ):  # where the scheduler is gone, or this engine closed
            self.client.run(worker.stop, self.run, on_error="ignore")

    def close(self) -> None:
        """End the workers, if they are this engine's own, whatever they do. Once is enough."""
        if self.is_closed:
            return
        self.is_closed = True
        self.client.close()
        if self._cluster is not None:
            for nanny in self._cluster.workers.values():
                nanny.auto_restart = False
                if nanny.pid is not None:  # none where it is about to be replaced
                    with suppress(ProcessLookupError):
                        os.kill(nanny.pid, signal.SIGKILL)  # asked nicely, they take seconds
            self._cluster.close()

    def _pass_rows_on(self) -> None:
        """Tell observers of rows in a thread of its own: the client's must not wait for them. It outlives a full disk,
        which is said once."""
        said = False
        while True:
            row = self._rows.get()
            try:
                progress.tell(*row)
            except OSError as error:
                if not said:
                    logger.warning("Curves of this run will have gaps, training goes on: %s", error)
                said = True


def environments(trainings: int, processes: int = 1) -> list[dict[str, Any]]:
    """Share this machine out: a card each where there are several, else cores between as many workers as trainings.

    Args:
        trainings: how many there are.
        processes: that each has for itself, at most: so many cards or cores a worker.
    """
    import torch

    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    workers = min(max(1, (cards or joblib.cpu_count()) // processes), max(1, trainings))
    threads = forks.threads(workers)
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = given.split(",") if given else [str(number) for number in range(max(cards, workers * processes))]
    own = [",".join(names[worker * processes : (worker + 1) * processes]) for worker in range(workers)]
    devices = "a CUDA device" if processes == 1 else f"{processes} CUDA devices"
    where = devices if cards else f"{next(iter(threads.values()))} thread(s) of the CPU"
    logger.info("%d workers, each on %s.", workers, where)
    return [threads | ({"CUDA_VISIBLE_DEVICES": mine} if cards else {}) for mine in own]


def _started(environments: Sequence[Mapping[str, Any]]) -> SpecCluster:
    """Start workers, anew where one of them was killed meanwhile."""
    forks.prepare(len(environments))
    for _ in range(TRIES_TO_START - 1):
        try:
            return _cluster(environments)
        except RuntimeError:
            logger.warning("A worker ended while it started; all are started anew.")
    return _cluster(environments)


def _cluster(environments: Sequence[Mapping[str, Any]]) -> SpecCluster:
    """Start a worker process for each environment, and a scheduler in this one."""
    return SpecCluster(
        scheduler={
            "cls": Scheduler,
            "options": {"host": "127.0.0.1", "dashboard": False, "dashboard_address": "127.0.0.1:0"},
        },
        workers={
            number: {
                "cls": Nanny,
                "options": {
                    "host": "127.0.0.1",
                    "nthreads": 1,
                    "memory_limit": 0,
                    "dashboard": False,
                    "silence_logs": logging.CRITICAL,
                    "preload": ["gencompare.running.worker"],
                    "env": {name: str(value) for name, value in environment.items()},
                },
            }
            for number, environment in enumerate(environments)
        },
        silence_logs=logging.CRITICAL,
    )
