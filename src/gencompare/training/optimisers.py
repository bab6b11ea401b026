"""What turns gradients into updates, by the names that settings use."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from gencompare.models.parts.precision import has_bfloat16
from gencompare.training.settings import Optimiser

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic iteration, steepest at zero (Muon's own)."""

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


class Muon(Optimizer):
    """Momentum made orthogonal (kellerjordan.github.io/posts/muon), for weights of any shape.

    Each is taken as a matrix with a row an output channel. torch's own Muon takes matrices alone, and computes in
    bfloat16 on every machine: on a CPU without such instructions 60 times slower than in float32.
    """

    def __init__(self, weights: Iterable[nn.Parameter], lr: float, momentum: float) -> None:
        super().__init__(weights, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Update every weight that has a gradient; `closure` is not called."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._update(weight, _matrix(weight.grad, weight), group["lr"], group["momentum"])

    def _update(self, weight: nn.Parameter, gradient: Tensor, lr: float, momentum: float) -> None:
        matrix = _matrix(weight, weight)
        state = self.state[weight]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(gradient)
        average = state["momentum_buffer"].lerp_(gradient, 1 - momentum)
        rows, columns = matrix.shape
        update = orthogonal(gradient.lerp(average, momentum))  # Nesterov's momentum
        matrix.add_(update, alpha=-lr * math.sqrt(max(1.0, rows / columns)))


def orthogonal(matrix: Tensor) -> Tensor:
    """Bring a matrix's singular values near 1 by five Newton-Schulz iterations: (rows, columns), as wide as tall or not.

    In bfloat16 where the device has it in hardware, else in float32.
    """
    a, b, c = NEWTON_SCHULZ
    x = matrix.bfloat16() if has_bfloat16(matrix.device.type) else matrix
    tall = matrix.shape[0] > matrix.shape[1]
    x = x.T if tall else x
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(5):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x


def _is_hidden(parameter: nn.Parameter) -> bool:
    return parameter.ndim >= 2 and 16 <= min(len(parameter), parameter[0].numel()) <= 512


def _matrix(values: Tensor, weight: Tensor) -> Tensor:
    """View values like a weight's as (rows, the rest), the rest in the order of the weight's memory."""
    if weight.is_contiguous():
        return values.flatten(1)
    return values.permute(0, *range(2, values.ndim), 1).flatten(1)  # channels last
