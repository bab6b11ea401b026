"""What a worker does: loaded by each of the engine's processes when it starts, and around each piece of work."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from distributed import Worker, get_worker

from gencompare.training import progress

ROWS = "gencompare rows"
"""The topic under which history rows travel to the parent."""

logger = logging.getLogger(__name__)


def dask_setup(worker: Worker) -> None:
    """Prepare a worker of this machine: its threads, its log, and its end with the process that started it."""
    import torch
    import torch._dynamo  # noqa: F401  behind torch's FLOP counter; it takes a second and a half

    import gencompare.pipelines.modelling.nodes  # noqa: F401  what every piece of work imports
    from gencompare.training.device import pick_device

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))
    logging.getLogger().handlers.clear()  # importing Kedro set them up; all lines go to the parent
    pick_device()  # which says this too
    logging.captureWarnings(True)
    logging.getLogger("gencompare").setLevel(logging.INFO)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def work(label: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Call a function here; its history rows and log lines reach the parent while it runs."""
    logger.info("── %s", label)
    worker = get_worker()
    with progress.observing(lambda *row: worker.log_event(ROWS, row)):
        return function(*arguments)


def code() -> str:
    """Say what code this process trains with: a hash of this package's, and torch's version."""
    import torch

    from gencompare.training.fingerprint import PACKAGE, code_hash

    modules = (file.relative_to(PACKAGE.parent).with_suffix("") for file in PACKAGE.rglob("*.py"))
    ours = frozenset(".".join(module.parts).removesuffix(".__init__") for module in modules)
    return f"gencompare {code_hash(ours)[:12]}, torch {torch.__version__}"


def stop() -> None:
    """Have what runs in this process write its checkpoint and end."""
    progress.stopping.set()


def _end_with(parent: int) -> None:
    """End this process at once when its parent is gone, whatever it computes."""
    while os.getppid() == parent:
        time.sleep(0.05)
    os._exit(1)
