"""In which precision networks compute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

import torch

from gencompare.models.settings import Precision

_in_full_precision: ContextVar[bool] = ContextVar("full_precision", default=False)


def mixed_precision(device: torch.device, precision: Precision) -> torch.autocast:
    """Let convolutions and matrix products run in bfloat16; weights stay float32.

    "auto" does so where the device computes bfloat16 in hardware, which makes them about twice as fast.
    """
    wanted = precision == "bfloat16" or (precision == "auto" and has_bfloat16(device.type))
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted and not _in_full_precision.get())


@contextmanager
def full_precision() -> Iterator[None]:
    """Compute in float32 inside, whatever precision the networks would have (for gradient penalties).

    Neither bfloat16 nor, on CUDA, TF32. What a penalty's own gradient takes later runs as all else does then.
    """
    token = _in_full_precision.set(True)
    try:
        with _cuda_flags(tf32=False, benchmark=torch.backends.cudnn.benchmark):
            yield
    finally:
        _in_full_precision.reset(token)


@contextmanager
def fast_kernels() -> Iterator[None]:
    """Inside, CUDA computes float32 on tensor cores (TF32) where it has any, and tries which convolutions are fastest."""
    with _cuda_flags(tf32=True, benchmark=True):
        yield


@contextmanager
def _cuda_flags(tf32: bool, benchmark: bool) -> Iterator[None]:
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.allow_tf32, matmul.allow_tf32, cudnn.benchmark
    cudnn.allow_tf32, matmul.allow_tf32, cudnn.benchmark = tf32, tf32, benchmark
    try:
        yield
    finally:
        cudnn.allow_tf32, matmul.allow_tf32, cudnn.benchmark = before


@cache
def has_bfloat16(device_type: str) -> bool:
    """Return whether "cpu" or "cuda" computes bfloat16 in hardware here; elsewhere it is far slower than float32."""
    if device_type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
