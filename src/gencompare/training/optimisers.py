"""What turns gradients into updates, by the names that settings use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from gencompare.training.settings import Optimiser

MUON_LR_FACTOR = 3.0
"""Muon's learning rate over Adam's, which the settings' `lr` is."""


def make_optimisers(
    network: nn.Module, name: Optimiser, lr: float, betas: tuple[float, float]
) -> list[Optimizer]:
    """Return what updates a network's parameters: Adam; or Muon for its weights and Adam for all else.

    Adam's first moment decay is Muon's momentum too.

    Muon is for matrices between hidden layers: weights with fewer than 16 rows or columns, among them those
    that see or make pixels, and biases, norms and scales keep to Adam. So do weights with more than 512 of
    both: making 2,048 by 2,048 orthogonal takes a CPU core seconds, a hundred times the rest of a step.
    """
    parameters = list(network.parameters())
    hidden = [p for p in parameters if name == "muon" and _is_hidden(p)]
    chosen = {id(p) for p in hidden}
    others = [p for p in parameters if id(p) not in chosen]
    optimisers: list[Optimizer] = [Adam(others, lr, betas, fused=True)] if others else []
    if hidden:
        optimisers.append(Muon(hidden, MUON_LR_FACTOR * lr, betas[0]))
    for group in (group for optimiser in optimisers for group in optimiser.param_groups):
        group["initial_lr"] = group["lr"]  # torch's own name for what a schedule starts from
    return optimisers


class Muon(torch.optim.Muon):
    """torch's Muon for weights of any shape, each taken as a matrix with a row an output channel.

    Momentum orthogonalised by Newton-Schulz iterations (kellerjordan.github.io/posts/muon).
    """

    def __init__(self, weights: Iterable[nn.Parameter], lr: float, momentum: float) -> None:
        self.weights = list(weights)
        matrices = [_matrix(weight.detach(), weight) for weight in self.weights]
        super().__init__(matrices, lr, 0.0, momentum, adjust_lr_fn="original")
        self.matrices = matrices

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Update the weights, whose memory the matrices are."""
        for matrix, weight in zip(self.matrices, self.weights, strict=True):
            matrix.grad = None if weight.grad is None else _matrix(weight.grad, weight)
        return super().step(closure)


def _is_hidden(parameter: nn.Parameter) -> bool:
    return parameter.ndim >= 2 and 16 <= min(len(parameter), parameter[0].numel()) <= 512


def _matrix(values: Tensor, weight: Tensor) -> Tensor:
    """View values like a weight's as (rows, the rest), the rest in the order of the weight's memory."""
    if weight.is_contiguous():
        return values.flatten(1)
    return values.permute(0, *range(2, values.ndim), 1).flatten(1)  # channels last
