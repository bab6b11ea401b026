"""Statistics of a batch of which each process has a slice, as everyone's networks need them: differentiable, twice too."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional as F


class Sum(torch.autograd.Function):
    """From a term to the sum of all processes' terms, which each goes on to use in its own way."""

    @staticmethod
    def forward(ctx: Any, term: Tensor) -> Tensor:
        total = term.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return Sum.apply(gradient)


def variance(images: int, x: Tensor, dim: int | None = None, *, correction: int = 1) -> Tensor:
    """Tensor.var of a slice x, of the whole batch of so many images where it is over images."""
    if dim != 0:
        return x.var(dim, correction=correction)
    mean = Sum.apply(x.sum(0)) / images
    return Sum.apply((x - mean).square().sum(0)) / (images - correction)


def batch_norm(
    images: int,
    x: Tensor,
    running_mean: Tensor | None,
    running_variance: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """F.batch_norm of a slice x (n, C, ...), with mean and variance of the whole batch of so many images."""
    if not training:
        return F.batch_norm(x, running_mean, running_variance, weight, bias, False, momentum, eps)
    weight = torch.ones(x.shape[1], device=x.device) if weight is None else weight
    bias = torch.zeros(x.shape[1], device=x.device) if bias is None else bias
    normal, mean, var = _BatchNorm.apply(x, weight, bias, eps)
    if running_mean is not None and running_variance is not None:
        count = images * x[0, 0].numel()
        with torch.no_grad():
            running_mean.lerp_(mean, momentum)
            running_variance.lerp_(var * (count / (count - 1)), momentum)
    return normal


class _BatchNorm(torch.autograd.Function):
    """By torch's fast kernels, corrected for what the other processes have; returns mean and variance, too.

    The kernels normalise with any mean and variance, but take those, and the means in the gradient, of a slice alone.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        _, mean, inverse = torch.native_batch_norm(x, weight, bias, None, None, True, 0.0, eps)
        own = torch.stack([mean, inverse.square().reciprocal() - eps])  # (2, C)
        each = own.new_empty(dist.get_world_size(), *own.shape)
        dist.all_gather(list(each), own)
        mean = each[:, 0].mean(0)
        var = (each[:, 1] + (each[:, 0] - mean).square()).mean(0)
        ctx.save_for_backward(x, weight, bias, mean, (var + eps).rsqrt())
        ctx.eps = eps
        ctx.mark_non_differentiable(mean, var)
        return F.batch_norm(x, mean, var, weight, bias, False, 0.0, eps), mean, var

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, bias, mean, inverse = ctx.saved_tensors
        if torch.is_grad_enabled():  # to be differentiated again
            return (
                *_gradients(ctx, _normalised(x, weight, bias, ctx.eps), (x, weight, bias), gradient),
                None,
            )
        of_x, *of_others = torch.ops.aten.native_batch_norm_backward(
            gradient, x, weight, None, None, mean, inverse, True, ctx.eps, [True, True, True]
        )
        own = torch.stack(of_others)  # (2, C)
        total = own.clone()
        dist.all_reduce(total)
        by_x, by_one = (own - total / dist.get_world_size()) / (x.numel() / x.shape[1])
        scale = weight * inverse
        slope = scale * inverse * by_x
        shift = scale * by_one - mean * slope
        column = _column(x)
        correction = torch.addcmul(shift.view(column), x.float(), slope.view(column))
        return (of_x + correction.to(of_x.dtype), *of_others, None)


def _normalised(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """The same by operations that are differentiable any number of times, and slower."""
    column, wide = _column(x), x.float()
    others = [dim for dim in range(x.ndim) if dim != 1]
    count = dist.get_world_size() * x.numel() / x.shape[1]
    centred = wide - (Sum.apply(wide.sum(others)) / count).view(column)
    var = Sum.apply(centred.square().sum(others)) / count
    scale = (var + eps).rsqrt() * weight
    return torch.addcmul(bias.view(column), centred, scale.view(column)).to(x.dtype)


def _gradients(
    ctx: Any, output: Tensor, inputs: tuple[Tensor, ...], gradient: Tensor
) -> tuple[Tensor | None, ...]:
    needed = [one for one, needs in zip(inputs, ctx.needs_input_grad, strict=False) if needs]
    found = iter(torch.autograd.grad(output, needed, gradient, create_graph=True))
    return tuple(next(found) if needs else None for needs in ctx.needs_input_grad[: len(inputs)])


def _column(x: Tensor) -> tuple[int, ...]:
    return (1, -1, *[1] * (x.ndim - 2))
