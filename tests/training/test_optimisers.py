"""Muon for weights of any shape and layout, beside Adam."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim import Adam

from gencompare.training.optimisers import MUON_LR_FACTOR, Muon, make_optimisers, orthogonal


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1),
        nn.GroupNorm(8, 32),
        nn.SiLU(),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.SiLU(),
        nn.ConvTranspose2d(64, 32, 4, 2, 1),
        nn.Conv2d(32, 3, 3, padding=1),
    )


def learn(net: nn.Module, optimisers: list[torch.optim.Optimizer], steps: int = 3) -> None:
    images = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    for _ in range(steps):
        net.zero_grad(set_to_none=True)
        (net(images) - 1).square().mean().backward()
        for optimiser in optimisers:
            optimiser.step()


def shapes(optimiser: torch.optim.Optimizer) -> set[tuple[int, ...]]:
    return {tuple(p.shape) for group in optimiser.param_groups for p in group["params"]}


def test_muon_takes_hidden_weights_and_adam_all_else():
    adam, muon = make_optimisers(network(), "muon", 1e-3, (0.9, 0.99))
    assert isinstance(adam, Adam) and isinstance(muon, Muon)
    assert shapes(muon) == {(32, 3, 3, 3), (64, 32, 3, 3), (64, 32, 4, 4)}
    assert (3, 32, 3, 3) in shapes(adam) and (64,) in shapes(adam)
    assert len(make_optimisers(network(), "adam", 1e-3, (0.9, 0.99))) == 1


def test_every_parameter_is_in_one_optimiser():
    net = network()
    found = [
        p
        for optimiser in make_optimisers(net, "muon", 1e-3, (0.9, 0.99))
        for p in optimiser.param_groups[0]["params"]
    ]
    assert sum(p.numel() for p in found) == sum(p.numel() for p in net.parameters())


def test_a_step_is_nearly_orthogonal():
    net = network()
    before = net[3].weight.detach().clone()
    learn(net, make_optimisers(net, "muon", 1e-3, (0.9, 0.99)), steps=1)
    update = (net[3].weight.detach() - before).flatten(1) / (MUON_LR_FACTOR * 1e-3)
    singular = torch.linalg.svdvals(update)
    found = singular.quantile(torch.tensor([0.25, 1.0]))  # five Newton-Schulz iterations come so near to 1
    assert found.min() > 0.5 and found.max() < 1.3


@pytest.mark.parametrize("hardware", [True, False])
@pytest.mark.parametrize("shape", [(32, 48), (48, 32), (16, 16)])
def test_steps_are_those_of_torchs_own_muon(monkeypatch, hardware, shape):
    monkeypatch.setattr("gencompare.training.optimisers.has_bfloat16", lambda device: hardware)
    torch.manual_seed(0)
    start = torch.randn(shape)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    optimisers = Muon([ours], 0.01, 0.9), torch.optim.Muon([theirs], 0.01, 0.0, 0.9)
    for _ in range(4):
        gradient = torch.randn(shape)
        for weight, optimiser in zip((ours, theirs), optimisers, strict=True):
            weight.grad = gradient.clone()
            optimiser.step()
    moved = (theirs - start).norm()
    assert (ours - theirs).norm() <= (0.0 if hardware else 0.02) * moved


def test_float32_is_computed_with_where_bfloat16_is_emulated(monkeypatch):
    monkeypatch.setattr("gencompare.training.optimisers.has_bfloat16", lambda device: False)
    assert orthogonal(torch.randn(20, 30)).dtype == torch.float32
    monkeypatch.setattr("gencompare.training.optimisers.has_bfloat16", lambda device: True)
    assert orthogonal(torch.randn(20, 30)).dtype == torch.bfloat16


def test_schedules_start_from_each_ones_own_rate():
    adam, muon = make_optimisers(network(), "muon", 1e-3, (0.9, 0.99))
    assert adam.param_groups[0]["initial_lr"] == pytest.approx(1e-3)
    assert muon.param_groups[0]["initial_lr"] == pytest.approx(MUON_LR_FACTOR * 1e-3)


def test_large_weights_keep_to_adam():
    adam = make_optimisers(nn.Linear(1024, 1024, bias=False), "muon", 1e-3, (0.9, 0.99))
    assert [type(optimiser) for optimiser in adam] == [Adam]


def test_memory_layout_changes_nothing_but_rounding():
    plain, last = network(), network().to(memory_format=torch.channels_last)
    assert last[3].weight.is_contiguous(memory_format=torch.channels_last)
    for net in (plain, last):
        learn(net, make_optimisers(net, "muon", 1e-3, (0.9, 0.99)), steps=1)
    start = network()
    for name, weight in plain.named_parameters():
        moved = (weight - start.get_parameter(name)).norm()
        assert (weight - last.get_parameter(name)).norm() < 0.02 * moved + 1e-6, name


def test_a_weight_without_a_gradient_stays():
    net = network()
    before = net[3].weight.detach().clone()
    net[3].weight.requires_grad_(False)
    learn(net, make_optimisers(net, "muon", 1e-3, (0.9, 0.99)))
    assert torch.equal(net[3].weight, before)
