"""Exponential moving averages of weights: what makes the samples."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class Average:
    """The moving average of one network, buffers included.

    The decay warms up as min(decay, (1 + t) / (10 + t)) at update t, so that short runs are not
    averages of their random start (as in TensorFlow's ExponentialMovingAverage with num_updates).

    Args:
        network: stays on its device, and writes into the same tensors as long as it is averaged: walking through its
            modules at every step would take longer than the averaging.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._averaged, self._copied = _tensors(self.network)
        self._current, self._copied_from = _tensors(network)

    @torch.no_grad()
    def update(self, updates: int) -> None:
        """Move the average towards the network, which has been updated `updates` times before."""
        decay = min(self.decay, (1 + updates) / (10 + updates))
        torch._foreach_lerp_(self._averaged, self._current, 1.0 - decay)
        for mine, theirs in zip(self._copied, self._copied_from, strict=True):
            mine.copy_(theirs, non_blocking=True)


def _tensors(network: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """Return a network's parameters and buffers that can be averaged, and those that count."""
    buffers = list(network.buffers())
    floating = [parameter.detach() for parameter in network.parameters()]
    floating += [buffer for buffer in buffers if buffer.is_floating_point()]
    return floating, [buffer for buffer in buffers if not buffer.is_floating_point()]
