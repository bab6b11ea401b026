"""Sharing an objective's work between processes, so that together they learn what one alone would.

Every process holds all networks and runs the same objective on the same whole batch with the same random numbers.
Shared out is what is expensive: inside a network each process has its own slice of the batch. What goes in is sliced
and what comes out is put together; of their gradients it is the other way round, and so on, so that gradient penalties
work. Losses, metrics and generators are thus the same everywhere, and the gradients of weights, of a slice each, are
summed. (The conjugate operators f and g of Megatron-LM, arXiv:1909.08053, section 3, over the batch.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from gencompare.config.typed import SettingError
from gencompare.objectives.base import Batch, Objective
from gencompare.training.whole_batch import batch_norm, variance


def share(objective: Objective, work: SharedWork) -> Objective:
    """Have an objective's networks see this process's slice of each batch, and learn from all of them.

    Args:
        objective: changed in place, and returned.
        work: entered for as long as it learns.
    """
    for network in objective.networks.values():
        network.register_forward_pre_hook(work.begin)
        network.register_forward_hook(work.end)
    step = objective.step

    def shared(batch: Batch) -> Iterator[tuple[str, Tensor]]:
        for name, loss in step(batch):
            loss.register_hook(partial(_sum_gradients_after_backward, objective.networks[name]))
            yield name, loss

    objective.step = shared  # type: ignore[method-assign]
    return objective


def _sum_gradients_after_backward(network: nn.Module, _: Tensor) -> None:
    engine: Any = torch.autograd.Variable._execution_engine  # where DistributedDataParallel does so too
    engine.queue_callback(partial(_sum_gradients, network))


@torch.no_grad()
def _sum_gradients(network: nn.Module) -> None:
    """Add up the gradients that all processes have, in one flat message."""
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    for gradient, total in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(total.view(gradient.shape))


class SharedWork(TorchFunctionMode):
    """While a network works on a slice, what it computes over its batch is computed over the whole one.

    That is batch normalisation, variances over the batch, and random numbers, which are drawn for the whole batch, as
    everywhere else, and sliced.

    Raises:
        SettingError: where a batch cannot be shared equally, or a network draws random numbers in a way not known here.
    """

    def __init__(self) -> None:
        super().__init__()
        self.images = 0  # of the whole batch that a network works on; 0 where none does

    def begin(self, network: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """Slice a network's arguments: tensors with a row an image, or None."""
        self.images = len(arguments[0])
        if self.images % dist.get_world_size():
            raise SettingError(
                f"training.processes={dist.get_world_size()}: a step of this objective sees {self.images} images, which"
                f" {dist.get_world_size()} processes cannot share equally; choose another training.batch_size"
            )
        return tuple(None if whole is None else _Slice.apply(whole) for whole in arguments)

    def end(self, network: nn.Module, arguments: tuple[Any, ...], output: Any) -> Any:
        """Put what comes out, a tensor or several, together."""
        self.images = 0
        if not isinstance(output, tuple):
            return _Whole.apply(output)
        whole = map(_Whole.apply, output)
        return output._make(whole) if hasattr(output, "_make") else tuple(whole)  # a named one stays one

    def __torch_function__(
        self, function: Any, types: Any, arguments: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        if self.images:
            if function in OVER_THE_WHOLE_BATCH:
                function = partial(OVER_THE_WHOLE_BATCH[function], self.images)
            elif getattr(function, "__name__", "") in OTHER_DRAWS:
                raise SettingError(
                    f"training.processes={dist.get_world_size()}: this network draws random numbers by"
                    f" {function.__name__}, which several processes cannot share out; set it to 1"
                )
        return function(*arguments, **(named or {}))


class _Slice(torch.autograd.Function):
    """From a whole batch (N, ...) to this process's slice of it."""

    @staticmethod
    def forward(ctx: Any, whole: Tensor) -> Tensor:
        return _own(whole).clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _Whole.apply(gradient)


class _Whole(torch.autograd.Function):
    """From this process's slice to the whole batch (N, ...), the same for all."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        swapped = own.ndim == 4 and own.is_contiguous(memory_format=torch.channels_last)
        rows = own.permute(0, 2, 3, 1) if swapped else own.contiguous()  # in the order of memory
        whole = rows.new_empty(len(rows) * dist.get_world_size(), *rows.shape[1:])
        dist.all_gather(list(whole.chunk(dist.get_world_size())), rows)
        return whole.permute(0, 3, 1, 2) if swapped else whole

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _Slice.apply(gradient)


def _own(whole: Tensor) -> Tensor:
    return whole.chunk(dist.get_world_size())[dist.get_rank()]


def _randn_like(images: int, x: Tensor) -> Tensor:
    return _own(torch.randn_like(_like(x, images)))


def _dropout(
    drop: Callable[..., Tensor],
    images: int,
    x: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
) -> Tensor:
    """One of torch's kinds of dropout."""
    if not training or not p:
        return x
    return x * _own(drop(_like(x, images).fill_(1.0), p, True))


def _like(x: Tensor, images: int) -> Tensor:
    """Memory for a whole batch of which x is a slice, in the same layout, for that decides which draw goes where."""
    swapped = x.ndim == 4 and not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if swapped else torch.contiguous_format
    return torch.empty(images, *x.shape[1:], dtype=x.dtype, device=x.device, memory_format=layout)


OVER_THE_WHOLE_BATCH: dict[Any, Callable[..., Tensor]] = {
    F.batch_norm: batch_norm,
    Tensor.var: variance,
    torch.randn_like: _randn_like,
    F.dropout: partial(_dropout, F.dropout),
    F.dropout2d: partial(_dropout, F.dropout2d),
}
"""From torch's functions to those that take the number of images of the whole batch before the same arguments."""
OTHER_DRAWS = frozenset(
    "rand randn randint rand_like randint_like normal bernoulli multinomial randperm poisson normal_ uniform_"
    " bernoulli_ random_ alpha_dropout feature_alpha_dropout dropout1d dropout3d rrelu".split()
)
