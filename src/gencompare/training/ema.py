"""Exponential moving averages of weights: what makes the samples."""

from __future__ import annotations

import copy

import torch
from torch import nn


class Average:
    """The moving average of one network, buffers included.

    The decay warms up as min(decay, (1 + t) / (10 + t)) at update t, so that short runs are not
    averages of their random start (as in TensorFlow's ExponentialMovingAverage with num_updates).
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.network = copy.deepcopy(network).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, network: nn.Module, updates: int) -> None:
        """Move the average towards the network, which has been updated `updates` times before."""
        decay = min(self.decay, (1 + updates) / (10 + updates))
        averaged, current = self._floating(self.network), self._floating(network)
        torch._foreach_lerp_(averaged, current, 1.0 - decay)
        for mine, theirs in zip(self.network.buffers(), network.buffers(), strict=True):
            if not mine.is_floating_point():
                mine.copy_(theirs)

    @staticmethod
    def _floating(network: nn.Module) -> list[torch.Tensor]:
        tensors = [parameter.detach() for parameter in network.parameters()]
        return tensors + [buffer for buffer in network.buffers() if buffer.is_floating_point()]
