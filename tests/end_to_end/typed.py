"""Types commands as a user does, many in a row: the imports of the real command line are done once, then each is forked.

Reads lists of words from its input, one JSON line each, and answers each with status, seconds and what was said.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import kedro.framework.cli.cli as command_line
import torch  # noqa: F401

import gencompare.pipeline_registry
import gencompare.settings  # noqa: F401
import gencompare.training.loop  # noqa: F401
from gencompare.running import forks


def typed(words: list[str]) -> dict[str, Any]:
    """Give a command in a process of its own."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as said:
        if not (child := os.fork()):
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            sys.argv = ["kedro", *words]
            command_line.main()  # which ends the process
            os._exit(0)
        _, status = os.waitpid(child, 0)
        said.seek(0)
        text = said.read().decode()
    return {"status": os.waitstatus_to_exitcode(status), "seconds": time.monotonic() - started, "said": text}


if __name__ == "__main__":
    command_line.KedroCLI(project_path=Path.cwd())  # which imports what plug-ins bring
    forks.prepare = lambda workers: None  # workers are started early, beside the checks that refuse the run
    gc.freeze()  # or each of them would search all that was imported for garbage when it ends
    for line in sys.stdin:
        sys.stdout.write(json.dumps(typed(json.loads(line))) + "\n")
        sys.stdout.flush()
