"""The one training loop. It never asks which family it is training."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from gencompare.imagesets.arrays import Images
from gencompare.objectives.base import Batch, Objective
from gencompare.training import checkpoint, validation
from gencompare.training.device import describe_device, pick_device
from gencompare.training.feed import Feed
from gencompare.training.optimisers import make_optimisers
from gencompare.training.progress import Reporter
from gencompare.training.settings import TrainingSettings
from gencompare.training.state import TrainingState
from gencompare.training.validation import Validate

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """What training leaves.

    Attributes:
        weights: the last averaged weights, keyed `<network>.<name>`.
        best: those of the best validation; the last where none was validated.
        stages: of networks that grow, the averaged weights at the end of each earlier resolution, by steps.
        history: one row an interval: `kimg`, `loss/<network>`, `grad_norm/<network>`, metrics, `validation_fd`.
        cost: parameters, kimg, seconds, FLOPs, speed, peak memory and device; apart from these, what was
            validated (see `validation.summary`) and in how many `stages` the networks grew.
        status: `finished`, or `diverged` where a loss was not finite; the weights are then the last good.
    """

    weights: dict[str, Tensor]
    best: dict[str, Tensor]
    stages: dict[int, dict[str, Tensor]]
    history: pd.DataFrame
    cost: dict[str, Any]
    status: str


def train(
    make_objective: Callable[[], Objective],  # called once, after seeding
    images: Images,  # the training split
    settings: TrainingSettings,
    *,
    contender: str,  # its name, for progress
    seed: int,
    fingerprint: str,  # decides whether a checkpoint is ours to go on from
    checkpoints: Path,  # this contender's own folder
    elsewhere: Iterable[Path] = (),  # other contenders' folders; one may hold the same training, over
    validate: Validate | None = None,  # from averaged weights to a distance; none validates nothing
) -> Trained:
    """Train a contender until its budget is spent, going on from its last checkpoint if there is one.

    On a CPU the result has the same bytes for the same settings, images and seed, interrupted or not.
    """
    device = pick_device(settings.device)
    total = math.ceil(1000 * settings.kimg / settings.batch_size)
    feed = Feed(
        images,
        settings.batch_size,
        seed,
        horizontal_flip=settings.horizontal_flip,
        device=device,
        channels_last=settings.channels_last,
    )
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        state = TrainingState(
            _on(device, make_objective(), settings), _optimisers(settings), settings.ema_decay
        )
        found = checkpoint.find_over(elsewhere, fingerprint) or checkpoint.load_latest(
            checkpoints, fingerprint
        )
        if found is not None:
            state.restore(*found, progress=lambda step: step / total)
            _say_resumed(contender, state, total)
        if state.status == "training":
            _spend(state, feed, settings, total, contender, fingerprint, checkpoints, validate)
            speed = state.steps * settings.batch_size / state.seconds
            logger.info("%s %s: %.0f s at %.0f images/s", contender, state.status, state.seconds, speed)
    weights = state.averaged_weights()
    return Trained(
        weights=weights,
        best=state.best or weights,
        stages=state.stages,
        history=pd.DataFrame(state.history),
        cost=_cost(state, settings, device),
        status=state.status,
    )


def _spend(
    state: TrainingState,
    feed: Feed,
    settings: TrainingSettings,
    total: int,
    contender: str,
    fingerprint: str,
    checkpoints: Path,
    validate: Validate | None,
) -> None:
    """Run the steps that are left of the budget, a history row at a time."""
    row_ends = np.unique(np.linspace(0, total, min(settings.rows, total) + 1)[1:].round().astype(int))
    validated = validation.points(row_ends, settings.validations)
    last_saved = time.perf_counter()
    last_good = state.averaged_weights()
    with Reporter(contender, total * settings.batch_size / 1000) as reporter:
        reporter.start(state.steps * settings.batch_size / 1000)
        for end in row_ends[row_ends > state.steps]:
            started = time.perf_counter()
            row = _steps(state, feed, settings, total, int(end))
            state.seconds += time.perf_counter() - started
            state.peak_memory_mb = max(state.peak_memory_mb, _memory_mb(feed.device))
            finite = all(math.isfinite(value) for value in row.values())
            if finite:
                last_good = state.averaged_weights()
                if validate is not None and end in validated:
                    row |= validation.measure(state, last_good, validate, row["kimg"], feed.device)
            state.history.append(row)
            reporter.show(row)
            if not finite:
                state.status = "diverged"
                state.load_averaged(last_good)
                logger.warning(
                    "%s diverged at %.1f kimg: kept the weights before that.", contender, row["kimg"]
                )
            elif end == total:
                state.status = "finished"
            over = state.status != "training"
            if over or time.perf_counter() - last_saved >= settings.checkpoint_seconds:
                facts = state.counters() | {"fingerprint": fingerprint}
                checkpoint.save(checkpoints, f"{state.steps:09d}", state.tensors(), facts)
                last_saved = time.perf_counter()
            if over:
                break


def _steps(
    state: TrainingState, feed: Feed, settings: TrainingSettings, total: int, end: int
) -> dict[str, float]:
    """Train up to step `end` and return the history row of the way there: means, and the last gradient norms."""
    sums: dict[str, Tensor] = {}
    norms: dict[str, float] = {}
    count = end - state.steps
    for step in range(state.steps, end):
        progress = step / total
        grown = state.objective.advance(progress)
        if grown:
            if step:
                state.stages[step] = state.averaged_weights()  # the averages have not grown yet
            state.reset_optimisers()
        _set_learning_rates(state, settings, progress, total)
        batch = Batch(*feed.batch(step), index=step, progress=progress)
        if grown or not state.flops_per_step:
            with FlopCounterMode(display=False) as counter:
                losses = _step(state, batch, settings.clip_norm, norms if step == end - 1 else None)
            state.flops_per_step = float(counter.get_total_flops())
        else:
            losses = _step(state, batch, settings.clip_norm, norms if step == end - 1 else None)
        for name, value in (losses | state.objective.metrics).items():
            sums[name] = sums[name] + value if name in sums else value
        state.flops += state.flops_per_step
        state.steps = step + 1
    means = {name: float(value) / count for name, value in sums.items()}
    return {"kimg": state.steps * settings.batch_size / 1000} | means | norms


def _step(
    state: TrainingState, batch: Batch, clip: float | None, norms: dict[str, float] | None
) -> dict[str, Tensor]:
    """Let the objective learn from one batch; return its detached losses, and fill `norms` if given."""
    losses: dict[str, Tensor] = {}
    for name, loss in state.objective.step(batch):
        network, optimisers = state.objective.networks[name], state.optimisers[name]
        network.zero_grad(set_to_none=True)
        loss.backward()
        if clip is not None or norms is not None:
            norm = nn.utils.clip_grad_norm_(network.parameters(), clip or math.inf)
            if norms is not None:
                norms[f"grad_norm/{name}"] = float(norm)
        for optimiser in optimisers:
            optimiser.step()
        if name in state.averages:
            state.averages[name].update(network, state.updates[name])
        state.updates[name] += 1
        losses[f"loss/{name}"] = loss.detach()
    return losses


def _on(device: torch.device, objective: Objective, settings: TrainingSettings) -> Objective:
    layout = torch.channels_last if settings.channels_last else torch.contiguous_format
    for network in objective.networks.values():
        network.to(device).to(memory_format=layout)
    return objective


def _optimisers(settings: TrainingSettings) -> Callable[[str, nn.Module], list[torch.optim.Optimizer]]:
    def make(name: str, network: nn.Module) -> list[torch.optim.Optimizer]:
        return make_optimisers(network, settings.optimiser, _base_rate(settings, name), settings.betas)

    return make


def _base_rate(settings: TrainingSettings, name: str) -> float:
    return settings.lr[name] if isinstance(settings.lr, dict) else settings.lr


def _set_learning_rates(
    state: TrainingState, settings: TrainingSettings, progress: float, total: int
) -> None:
    rise = min(1.0, (progress + 1 / total) / settings.warmup) if settings.warmup else 1.0
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
        "images_per_second": images / state.seconds if state.seconds else 0.0,
        "peak_memory_mb": state.peak_memory_mb,
        "device": describe_device(device),
        "stages": 1 + len(state.stages),
    } | validation.summary(state)


def _say_resumed(contender: str, state: TrainingState, total: int) -> None:
    if state.status == "training":
        logger.info(
            "%s goes on from its checkpoint at %.0f%% of the budget.", contender, 100 * state.steps / total
        )
    else:
        logger.info(
            "%s is already trained with these settings, images and code (%s): reused.",
            contender,
            state.status,
        )
