"""The one training loop. It never asks which family it is training."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import psutil
import torch
from torch import Tensor, nn

from gencompare.imagesets.arrays import Images
from gencompare.models.parts.precision import fast_kernels
from gencompare.objectives.base import Batch, Objective
from gencompare.training import checkpoint, validation
from gencompare.training.device import describe_device, pick_device
from gencompare.training.feed import Feed
from gencompare.training.optimisers import make_optimisers
from gencompare.training.progress import Stopped, stopping, tell
from gencompare.training.settings import TrainingSettings
from gencompare.training.state import TrainingState

if TYPE_CHECKING:
    from torch.utils.flop_counter import FlopCounterMode

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """What training leaves.

    Attributes:
        weights: the last averaged weights, keyed `<network>.<name>`.
        stages: the averaged weights at the end of each earlier stage (see `Objective.advance`), by steps.
        history: one row an interval: `kimg`, `loss/<network>`, `grad_norm/<network>`, metrics.
        points: where weights were kept for validation, the untrained ones first; empty where none were to be.
        cost: parameters, kimg, seconds, FLOPs, speed, peak memory and device.
        status: `finished`, or `diverged` where a loss was not finite; the weights are then the last good.
    """

    weights: dict[str, Tensor]
    stages: dict[int, dict[str, Tensor]]
    history: pd.DataFrame
    points: list[validation.Point]
    cost: dict[str, Any]
    status: str


def train(
    make_objective: Callable[[], Objective],  # called once, after seeding
    images: Images,  # the training split
    settings: TrainingSettings,
    *,
    name: str,  # of the training, for progress
    seed: int,
    folder: Path,  # of this training's checkpoints and kept weights, and of nothing else
) -> Trained:
    """Train a contender until its budget is spent, going on from its last checkpoint if there is one.

    On a CPU the result has the same bytes for the same settings, images and seed, interrupted or not.
    """
    device = pick_device(settings.device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with seeded(seed, device), fast_kernels():
        state, feed = prepare(make_objective(), images, settings, seed, device)
        found = checkpoint.load_latest(folder)
        if found is not None:
            state.restore(*found, progress=lambda step: step / all_steps(settings))
            _say_resumed(name, state, settings)
        if state.status == "training":
            _spend_budget(state, feed, settings, name, folder)
            speed = state.steps * settings.batch_size / state.seconds
            logger.info("%s %s: %.0f s at %.0f images/s", name, state.status, state.seconds, speed)
    return Trained(
        weights=state.averaged_weights(),
        stages=state.stages,
        history=pd.DataFrame(state.history),
        points=validation.kept(folder, state.points),
        cost=_cost(state, settings, device),
        status=state.status,
    )


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's random generators inside, and leave them outside as they were."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def all_steps(settings: TrainingSettings) -> int:
    """How many batches a budget is, the last one whole."""
    # Thousands of images of whole batches can be a hair more than that in floating point.
    return math.ceil(round(1000 * settings.kimg / settings.batch_size, 6))


def prepare(
    objective: Objective, images: Images, settings: TrainingSettings, seed: int, device: torch.device
) -> tuple[TrainingState, Feed]:
    """Return what a training starts from, and its batches."""
    layout = torch.channels_last if settings.channels_last else torch.contiguous_format
    for network in objective.networks.values():
        network.to(device).to(memory_format=layout)
    feed = Feed(
        images,
        settings.batch_size,
        seed,
        horizontal_flip=settings.horizontal_flip,
        device=device,
        channels_last=settings.channels_last,
    )
    return TrainingState(objective, _optimisers(settings), settings.ema_decay), feed


def _spend_budget(
    state: TrainingState,
    feed: Feed,
    settings: TrainingSettings,
    name: str,
    folder: Path,
) -> None:
    """Run the steps that are left of the budget, a history row at a time."""
    rows = min(settings.rows, all_steps(settings))
    row_ends = np.unique(np.linspace(0, all_steps(settings), rows + 1)[1:].round().astype(int))
    points = validation.points(row_ends, settings.validations)
    last_saved = time.perf_counter()
    last_good = state.averaged_weights()
    if 0 in points and not state.points:
        _keep(state, last_good, settings, folder)
    for end in row_ends.tolist():
        if end <= state.steps:
            continue
        started, worked = time.perf_counter(), time.process_time()
        between_steps = False
        try:
            row = _train_row(state, feed, settings, end)
        except Stopped:
            between_steps = True
            raise
        finally:
            state.seconds += time.perf_counter() - started
            state.cpu_seconds += time.process_time() - worked  # of all threads
            if between_steps:  # what is in the middle of a step must not be gone on from
                checkpoint.save(folder, f"{state.steps:09d}", state.tensors(), state.counters())
        state.peak_memory_mb = max(state.peak_memory_mb, _memory_mb(feed.device))
        finite = all(math.isfinite(value) for value in row.values())
        if finite:
            last_good = state.averaged_weights()
            if end in points:
                _keep(state, last_good, settings, folder)
        state.history.append(row)
        tell(name, row, all_steps(settings) * settings.batch_size / 1000)
        if not finite:
            state.status = "diverged"
            state.load_averaged(last_good)
            logger.warning("%s diverged at %.1f kimg: kept the weights before that.", name, row["kimg"])
        elif end == all_steps(settings):
            state.status = "finished"
        over = state.status != "training"
        if over or time.perf_counter() - last_saved >= settings.checkpoint_seconds:
            checkpoint.save(folder, f"{state.steps:09d}", state.tensors(), state.counters())
            last_saved = time.perf_counter()
        if over:
            break


def _keep(state: TrainingState, weights: dict[str, Tensor], settings: TrainingSettings, folder: Path) -> None:
    """Keep averaged weights for validation, and note what training has taken until here."""
    validation.keep(weights, folder, state.steps)
    spent = {"kimg": state.steps * settings.batch_size / 1000, "train_seconds": state.seconds}
    state.points.append({"steps": state.steps} | spent | {"train_flops": state.flops})


def _train_row(state: TrainingState, feed: Feed, settings: TrainingSettings, end: int) -> dict[str, float]:
    """Train up to step `end` and return the history row since the last: means, and the last gradient norms.

    Raises:
        Stopped: between two steps, if this process is asked to stop.
    """
    sums = state.sums
    norms: dict[str, Tensor] = {}
    for step in range(state.steps, end):
        if stopping.is_set():
            raise Stopped
        progress = step / all_steps(settings)
        grown = state.objective.advance(progress)
        if grown:
            if step:
                state.stages[step] = state.averaged_weights()  # the averages have not grown yet
            state.begin_stage()
            state.flops_by_step.clear()
        place = str(step % state.objective.period)
        counted = place not in state.flops_by_step
        with flop_counter() if counted else nullcontext() as counter:
            values = take_step(state, feed, settings, progress, norms if step == end - 1 else None)
        if counter is not None:
            state.flops_by_step[place] = float(counter.get_total_flops())
        for key, value in values.items():
            sums[key] = sums[key] + value if key in sums else value
            state.counts[key] = state.counts.get(key, 0) + 1
        state.flops += state.flops_by_step[place]
    # All at once: each number that is asked of a GPU waits for it.
    numbers: list[float] = torch.stack([*sums.values(), *norms.values()]).tolist()
    row = {key: value / state.counts[key] for key, value in zip(sums, numbers, strict=False)}
    row |= dict(zip(norms, numbers[len(sums) :], strict=True))
    sums.clear()
    state.counts.clear()
    return {"kimg": state.steps * settings.batch_size / 1000} | row


def flop_counter() -> FlopCounterMode:
    """What counts floating point operations while it is entered."""
    # Brings Triton, which no command waits for.
    from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

    aten = torch.ops.aten
    on_cpus = {  # attention, which torch's own table knows on CUDA alone
        aten._scaled_dot_product_flash_attention_for_cpu: lambda *shapes, **_: sdpa_flop_count(*shapes[:3]),
        aten._scaled_dot_product_flash_attention_for_cpu_backward: lambda *shapes, **_: (
            sdpa_backward_flop_count(*shapes[:4])
        ),
    }
    return FlopCounterMode(display=False, custom_mapping=on_cpus)


def take_step(
    state: TrainingState,
    feed: Feed,
    settings: TrainingSettings,
    progress: float,  # the share of the budget spent before
    norms: dict[str, Tensor] | None = None,  # filled with gradient norms if given
) -> dict[str, Tensor]:
    """Let the objective learn from the next batch; return its detached losses and its metrics."""
    _set_learning_rates(state, settings, progress)
    batch = Batch(*feed.batch(state.steps), index=state.steps, progress=progress)
    losses: dict[str, Tensor] = {}
    for name, loss in state.objective.step(batch):
        parameters = state.parameters[name]
        for parameter in parameters:
            parameter.grad = None
        loss.backward()
        if settings.clip_norm is not None or norms is not None:
            norm = nn.utils.clip_grad_norm_(parameters, settings.clip_norm or math.inf)
            if norms is not None:
                norms[f"grad_norm/{name}"] = norm
        for optimiser in state.optimisers[name]:
            optimiser.step()
        if name in state.averages:
            state.averages[name].update(state.updates[name])
        state.updates[name] += 1
        losses[f"loss/{name}"] = loss.detach()
    state.steps += 1
    return losses | state.objective.metrics


def _optimisers(settings: TrainingSettings) -> Callable[[str, nn.Module], list[torch.optim.Optimizer]]:
    def make(name: str, network: nn.Module) -> list[torch.optim.Optimizer]:
        return make_optimisers(network, settings.optimiser, _base_rate(settings, name), settings.betas)

    return make


def _base_rate(settings: TrainingSettings, name: str) -> float:
    return settings.lr[name] if isinstance(settings.lr, dict) else settings.lr


def _set_learning_rates(state: TrainingState, settings: TrainingSettings, progress: float) -> None:
    rise = min(1.0, (progress + 1 / all_steps(settings)) / settings.warmup) if settings.warmup else 1.0
    fall = 1.0
    if progress > settings.decay_from:
        fall = (1.0 - progress) / (1.0 - settings.decay_from)
    for optimisers in state.optimisers.values():
        for group in (group for optimiser in optimisers for group in optimiser.param_groups):
            group["lr"] = group["initial_lr"] * state.objective.lr_scale * rise * fall


def _memory_mb(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return psutil.Process().memory_info().rss / 2**20


def _cost(state: TrainingState, settings: TrainingSettings, device: torch.device) -> dict[str, Any]:
    images = state.steps * settings.batch_size
    parameters = {
        name: sum(p.numel() for p in network.parameters())
        for name, network in state.objective.networks.items()
    }
    return {
        "parameters": sum(parameters.values()),
        "parameters_by_network": parameters,
        "kimg": images / 1000,
        "train_seconds": state.seconds,
        "train_flops": state.flops,
        "cores": state.cpu_seconds / state.seconds if state.seconds else 0.0,
        "images_per_second": images / state.seconds if state.seconds else 0.0,
        "peak_memory_mb": state.peak_memory_mb,
        "device": describe_device(device),
    }


def _say_resumed(name: str, state: TrainingState, settings: TrainingSettings) -> None:
    if state.status == "training":
        share = 100 * state.steps / all_steps(settings)
        logger.info("%s goes on from its checkpoint at %.0f%% of the budget.", name, share)
    else:
        same = "is already trained with these settings, images and code"
        logger.info("%s %s (%s): reused.", name, same, state.status)
