"""Everything that changes while a contender trains, and how it travels through a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gencompare.models.parts.weights import flatten_weights, load_weights
from gencompare.objectives.base import Objective
from gencompare.training.checkpoint import Tensors
from gencompare.training.ema import Average

OptimiserFactory = Callable[[str, nn.Module], list[Optimizer]]


@dataclass
class TrainingState:
    """The objective's networks, their averages and optimisers, and the counters.

    Attributes:
        steps: batches seen.
        updates: optimiser steps taken since the averages began, by network.
        seconds, cpu_seconds, flops: spent on training so far, over all processes that worked on it.
        flops_by_step: of each step of the objective's period, at this stage.
        peak_memory_mb: the largest memory seen.
        history: one row an interval.
        sums: over the steps since the last row, losses and metrics.
        counts: over how many steps each of these sums goes: a loss that one stage alone has is not in all of them.
        points: where weights were kept for validation: `steps`, and what training had taken until there.
        stages: averaged weights at the end of each earlier stage (see `Objective.advance`), by steps.
        status: `training`, `finished` or `diverged`.
    """

    objective: Objective
    make_optimiser: OptimiserFactory
    ema_decay: float
    steps: int = 0
    updates: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    flops: float = 0.0
    flops_by_step: dict[str, float] = field(default_factory=dict)
    peak_memory_mb: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    sums: dict[str, Tensor] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    points: list[dict[str, Any]] = field(default_factory=list)
    stages: dict[int, Tensors] = field(default_factory=dict)
    status: str = "training"

    COUNTERS = tuple(
        "steps updates seconds cpu_seconds flops flops_by_step peak_memory_mb history counts points status".split()
    )

    def __post_init__(self) -> None:
        self.updates = dict.fromkeys(self.objective.networks, 0)
        self.parameters = {name: list(net.parameters()) for name, net in self.objective.networks.items()}
        self.averages = {
            name: Average(self.objective.networks[name], self.ema_decay) for name in self.objective.averaged
        }
        self.reset_optimisers()

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(parameter.device for own in self.parameters.values() for parameter in own)

    def reset_optimisers(self) -> None:
        """Start every optimiser anew."""
        self.optimisers = {
            name: self.make_optimiser(name, network) for name, network in self.objective.networks.items()
        }

    def begin_stage(self) -> None:
        """Start every optimiser anew, and every average where networks do not go on from the stage before."""
        self.reset_optimisers()
        if not self.objective.transfers:
            self.updates = dict.fromkeys(self.updates, 0)

    def averaged_weights(self) -> Tensors:
        """Return the weights that make the samples, keyed `<network>.<name>`, on the CPU."""
        return flatten_weights(self._averaged())

    def load_averaged(self, weights: Tensors) -> None:
        """Put weights from `averaged_weights` back."""
        load_weights(self._averaged(), weights)

    def _averaged(self) -> dict[str, nn.Module]:
        return {name: average.network for name, average in self.averages.items()}

    def tensors(self) -> Tensors:
        """Return every tensor that training depends on, the random generators' states included."""
        tensors: Tensors = {"random/cpu": torch.get_rng_state()}
        if self.device.type == "cuda":  # asked of a training on the CPU, it would take memory of the card
            tensors["random/cuda"] = torch.cuda.get_rng_state(self.device)
        for name, network in self.objective.networks.items():
            tensors |= {f"network/{name}/{key}": value for key, value in network.state_dict().items()}
        for name, average in self.averages.items():
            tensors |= {f"average/{name}/{key}": value for key, value in average.network.state_dict().items()}
        for name, optimisers in self.optimisers.items():
            for place, optimiser in enumerate(optimisers):
                for index, values in optimiser.state_dict()["state"].items():
                    tensors |= {f"optimiser/{name}/{place}/{index}/{key}": v for key, v in values.items()}
        for steps, weights in self.stages.items():
            tensors |= {f"stage/{steps}/{key}": value for key, value in weights.items()}
        # By place, for the order of these is that of a history's columns.
        return tensors | {f"sum/{place:03d}/{key}": v for place, (key, v) in enumerate(self.sums.items())}

    def counters(self) -> dict[str, Any]:
        """Return the JSON-ready part of the state."""
        return {name: getattr(self, name) for name in self.COUNTERS}

    def restore(self, tensors: Tensors, counters: dict[str, Any], progress: Callable[[int], float]) -> None:
        """Take up a checkpoint's state. `progress` gives the share of the budget at a step count."""
        for name in self.COUNTERS:
            setattr(self, name, counters[name])
        if self.steps:
            self.objective.advance(progress(self.steps - 1))
        groups = _group(tensors)
        for name, network in self.objective.networks.items():
            network.load_state_dict(groups["network"][name])
        for name, average in self.averages.items():
            average.network.load_state_dict(groups["average"][name])
        self.reset_optimisers()
        for name, optimisers in self.optimisers.items():
            _restore_optimisers(optimisers, groups["optimiser"].get(name, {}))
        stages = groups["stage"]
        self.stages = {int(steps): stages[steps] for steps in sorted(stages, key=int)}
        self.sums = {key: value for _, own in sorted(groups["sum"].items()) for key, value in own.items()}
        torch.set_rng_state(tensors["random/cpu"])
        if "random/cuda" in tensors and self.device.type == "cuda":
            torch.cuda.set_rng_state(tensors["random/cuda"], self.device)


def _group(tensors: Tensors) -> dict[str, dict[str, Tensors]]:
    """Nest keys `kind/name/rest` into groups[kind][name][rest]."""
    kinds = ("network", "average", "optimiser", "random", "stage", "sum")
    groups: dict[str, dict[str, Tensors]] = {kind: {} for kind in kinds}
    for key, tensor in tensors.items():
        kind, name, *rest = key.split("/", 2)
        groups[kind].setdefault(name, {})["/".join(rest)] = tensor
    return groups


def _restore_optimisers(optimisers: list[Optimizer], saved: Tensors) -> None:
    """Load moments in their parameter's own memory layout: fused kernels walk both side by side."""
    for key, value in saved.items():
        place, index, name = key.split("/")
        optimiser = optimisers[int(place)]
        parameter = [p for group in optimiser.param_groups for p in group["params"]][int(index)]
        like_parameter = value.shape == parameter.shape
        restored = torch.empty_like(parameter, dtype=value.dtype).copy_(value) if like_parameter else value
        optimiser.state[parameter][name] = restored.to(parameter.device)
