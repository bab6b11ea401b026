"""What a worker does: loaded by each of the engine's processes when it starts, and around each piece of work."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any

from distributed import Worker, get_worker

from gencompare.training import progress

ROWS = "gencompare rows"
"""The topic under which history rows travel to the parent."""

logger = logging.getLogger(__name__)


def dask_setup(worker: Worker) -> None:
    """Prepare a worker: its imports, its threads and its log."""
    import torch

    import gencompare.running.preloaded  # noqa: F401
    from gencompare.training.device import pick_device

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))
    logging.getLogger().handlers.clear()  # importing Kedro set them up; all lines go to the parent
    pick_device()  # which says this too
    logging.captureWarnings(True)
    logging.getLogger("gencompare").setLevel(logging.INFO)


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
