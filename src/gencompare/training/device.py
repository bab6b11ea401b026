"""Where training and sampling run."""

from __future__ import annotations

import logging
import platform
from functools import cache
from pathlib import Path

import joblib
import torch

from gencompare.config.typed import SettingError
from gencompare.training.settings import Device

logger = logging.getLogger(__name__)


def pick_device(wanted: Device = "auto") -> torch.device:
    """Return the device to work on: CUDA where there is one, else the CPU with one line that says so.

    Raises:
        SettingError: if CUDA is asked for by name and there is none.
    """
    device = find_device(wanted)
    if device.type == "cpu" and wanted == "auto":
        _say_cpu()
    return device


def find_device(wanted: Device = "auto") -> torch.device:
    """Return the device that `pick_device` does, and say nothing."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise SettingError("device='cuda': this machine has no CUDA device; use device=auto or device=cpu")
    return torch.device("cpu" if wanted == "cpu" or not torch.cuda.is_available() else "cuda")


@cache
def _say_cpu() -> None:
    logger.info("No CUDA device: working on the CPU, %s a training.", _cpu())


def describe_device(device: torch.device) -> str:
    """Name a device for reports: `NVIDIA H100`, or `CPU (AMD EPYC 9B14, AVX512), 1 thread of 2 cores`.

    By what a CPU can do, training times differ two and three times over.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU ({_model()}, {torch.backends.cpu.get_cpu_capability()}), {_cpu()}"


def _model() -> str:
    """Return the processor's name as Linux tells it, elsewhere its architecture."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text(encoding="utf-8").splitlines() if facts.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _cpu() -> str:
    threads, cores = torch.get_num_threads(), joblib.cpu_count()
    return f"{threads} thread{'s' * (threads > 1)} of {cores} core{'s' * (cores != 1)}"
