"""What every piece of work imports: once for all workers, which are forked from a process that has done so.

A command that ends meanwhile, refused, does not keep waiting whoever reads what it says to the end: this process goes
with it. Once all is imported, multiprocessing's own server sees to that.
"""

import gc
import os
import threading


def _go_with(parent: int, imported: threading.Event) -> None:
    while not imported.wait(timeout=0.1):
        if os.getppid() != parent:
            os._exit(0)


_imported = threading.Event()
_watch = threading.Thread(target=_go_with, args=(os.getppid(), _imported), daemon=True)
_watch.start()

import kedro.framework.cli.cli  # noqa: E402, F401  the parent's main module, which each of its processes imports
import sklearn.mixture  # noqa: E402, F401
import torch  # noqa: E402
import torch._dynamo  # noqa: E402, F401  behind torch's FLOP counter; it takes a second and a half
import torchvision  # noqa: E402, F401

import gencompare.pipelines.modelling.nodes  # noqa: E402, F401

_imported.set()
_watch.join()  # who forks has one thread
gc.freeze()  # never searched for garbage, so that workers share this memory
