"""Where training and sampling run."""

from __future__ import annotations

import logging
import os
from functools import cache

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
    """Name a device for reports, such as `CPU, 1 thread of 2 cores` or `NVIDIA H100`."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {_cpu()}"


def _cpu() -> str:
    threads, cores = torch.get_num_threads(), os.cpu_count()
    return f"{threads} thread{'s' * (threads > 1)} of {cores} core{'s' * (cores != 1)}"
