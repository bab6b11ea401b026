"""Facts about the training loop, on an objective small enough to know everything of."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from gencompare.objectives.base import Objective
from gencompare.training import checkpoint
from gencompare.training.loop import all_steps, flop_counter, train
from gencompare.training.progress import Stopped, observing, stopping
from gencompare.training.settings import TrainingSettings

from .toy import Toy, interrupted, toy_images

SETTINGS = TrainingSettings(kimg=0.4, batch_size=16, rows=5, lr=1e-2, checkpoint_seconds=0, device="cpu")


def run(folder, settings=SETTINGS, objective=Toy, seed=0):
    return train(
        objective,
        toy_images(),
        settings,
        name="toy",
        seed=seed,
        folder=folder,
    )


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def test_budget_is_spent_and_counted(tmp_path):
    trained = run(tmp_path)
    assert trained.status == "finished"
    assert trained.cost["kimg"] == 0.4
    assert trained.cost["cores"] > 0
    assert list(trained.history["kimg"]) == pytest.approx([0.08, 0.16, 0.24, 0.32, 0.4])
    assert trained.cost["parameters_by_network"] == {"first": 40 + 8 + 145, "second": 2}


def test_flops_are_those_of_the_layers(tmp_path):
    linear = LinearOnly
    trained = run(tmp_path, objective=linear)
    # One 64→1 matrix product forward and its weight gradient backward: 2 x (2 · 16 · 64 · 1) a step.
    assert trained.cost["train_flops"] == 25 * 2 * (2 * 16 * 64 * 1)


def test_flops_of_steps_that_differ_are_counted_each(tmp_path):
    class Alternating(LinearOnly):
        period = 3

        def step(self, batch):
            passes = 2 if batch.index % 3 == 0 else 1
            yield (
                "net",
                sum(self.networks["net"](batch.images.flatten(1)).square().mean() for _ in range(passes)),
            )

    one = 2 * (2 * 16 * 64 * 1)
    trained = run(tmp_path, objective=Alternating)
    assert trained.cost["train_flops"] == (25 + 9) * one  # of 25 steps, 9 are the first of three


def test_flops_of_attention_are_counted_on_a_cpu_as_on_cuda():
    query, key, value = (torch.randn(2, 3, n, 8, requires_grad=True) for n in (16, 32, 32))
    with flop_counter() as counter:
        seen = torch.nn.functional.scaled_dot_product_attention(query, key, value)
        forward = counter.get_total_flops()
        seen.sum().backward()
    product = 2 * (2 * 3) * 16 * 32 * 8
    assert forward == 2 * product  # queries with keys, and shares with values
    assert (
        counter.get_total_flops() == forward + 5 * product
    )  # scores once more, and a gradient of each factor


@pytest.mark.parametrize(("steps", "batch"), [(2007, 16), (2007, 64), (25, 16)])
def test_a_budget_in_whole_batches_is_as_many_steps(steps, batch):
    kimg = steps * batch / 1000
    assert all_steps(replace(SETTINGS, kimg=kimg, batch_size=batch)) == steps
    assert all_steps(replace(SETTINGS, kimg=kimg + 0.001, batch_size=batch)) == steps + 1


@pytest.mark.parametrize("stop_after", [None, 1])
def test_a_row_over_two_stages_has_the_means_of_the_steps_that_had_a_loss(tmp_path, stop_after):
    class InStages(Objective):
        averaged = ("first",)

        def __init__(self):
            super().__init__({name: nn.Linear(1, 1) for name in ("first", "second")})

        def step(self, batch):
            name = "first" if batch.index < 7 else "second"  # rows are of five steps
            yield name, self.networks[name](torch.ones(1, 1)).sum() * 0 + batch.index
            self.metrics = {f"seen_{name}": torch.tensor(1.0)}

    def go_on():
        return run(tmp_path, objective=InStages)

    if stop_after is not None:
        with interrupted(stop_after):
            go_on()
    history = go_on().history
    assert list(history["loss/first"][:2]) == [2.0, 5.5]  # of steps 0 to 4, of 5 and 6
    assert list(history["loss/second"][1:3]) == [8.0, 12.0]  # of 7 to 9, of 10 to 14
    assert history["seen_first"][1] == history["seen_second"][1] == 1.0


class LinearOnly(Objective):
    averaged = ("net",)

    def __init__(self):
        super().__init__({"net": nn.Linear(64, 1)})

    def step(self, batch):
        yield "net", self.networks["net"](batch.images.flatten(1)).square().mean()


def test_same_seed_same_bytes_other_seed_other_bytes(tmp_path):
    first, second, other = run(tmp_path / "a"), run(tmp_path / "b"), run(tmp_path / "c", seed=1)
    assert same(first.weights, second.weights)
    assert first.history.equals(second.history)
    assert not same(first.weights, other.weights)


def test_training_leaves_the_global_random_generator_alone(tmp_path):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    run(tmp_path)
    assert torch.equal(before, torch.get_rng_state())


class HiddenLayers(Objective):
    averaged = ("net",)

    def __init__(self):
        layers = nn.Conv2d(1, 16, 3), nn.SiLU(), nn.Conv2d(16, 16, 3), nn.SiLU(), nn.Conv2d(16, 1, 3)
        super().__init__({"net": nn.Sequential(*layers)})

    def step(self, batch):
        yield "net", (self.networks["net"](batch.images) - batch.images[:, :, 3:5, 3:5]).square().mean()


MUON = TrainingSettings(**vars(SETTINGS) | {"optimiser": "muon", "betas": (0.9, 0.95)})


@pytest.mark.parametrize(
    ("stop_after", "settings", "objective"),
    [(1, SETTINGS, Toy), (2, SETTINGS, Toy), (4, SETTINGS, Toy), (2, MUON, HiddenLayers)],
)
def test_interrupted_training_ends_with_the_same_bytes(tmp_path, stop_after, settings, objective):
    whole = run(tmp_path / "whole", settings, objective)

    with interrupted(stop_after):
        run(tmp_path / "cut", settings, objective)
    resumed = run(tmp_path / "cut", settings, objective)
    assert same(whole.weights, resumed.weights)
    assert whole.history.equals(resumed.history)
    assert resumed.cost["train_flops"] == whole.cost["train_flops"]


class StopsItself(Toy):
    """Asks to be stopped in the middle of a history row, once."""

    asked = False

    def step(self, batch):
        if batch.index == 7 and not StopsItself.asked:
            StopsItself.asked = True
            stopping.set()
        yield from super().step(batch)


def ended_early(folder, objective, error):
    """Run a training that is ended by an error once it was asked to stop."""
    try:
        with pytest.raises(error):
            run(folder, objective=objective)
    finally:
        stopping.clear()


def test_stopped_between_two_steps_it_writes_a_checkpoint_and_ends_with_the_same_bytes(tmp_path):
    whole = run(tmp_path / "whole")
    ended_early(tmp_path / "cut", StopsItself, Stopped)
    saved = max((tmp_path / "cut").glob("0*"))
    assert saved.name == "000000008"  # between rows, which end at 5, 10, ...
    resumed = run(tmp_path / "cut", objective=StopsItself)
    assert same(whole.weights, resumed.weights)
    assert whole.history.equals(resumed.history)
    assert list(whole.history) == list(resumed.history)


class Torn(Toy):
    """Is asked to stop and then torn out of the middle of a step, after its network was updated, once."""

    torn = False

    def step(self, batch):
        yield from super().step(batch)
        if batch.index == 7 and not Torn.torn:
            Torn.torn = True
            stopping.set()
            raise KeyboardInterrupt


def test_half_a_step_is_never_saved(tmp_path):
    whole = run(tmp_path / "whole")
    ended_early(tmp_path / "cut", Torn, KeyboardInterrupt)
    resumed = run(tmp_path / "cut", objective=Torn)
    assert same(whole.weights, resumed.weights)
    assert whole.history.equals(resumed.history)


class StopsAtTheEndOfARow(Toy):
    asked = False

    def step(self, batch):
        if batch.index == 9 and not StopsAtTheEndOfARow.asked:  # rows end at 5, 10, ...
            StopsAtTheEndOfARow.asked = True
            stopping.set()
        yield from super().step(batch)


def test_killed_right_after_the_first_checkpoint_of_a_stop_no_row_is_lost(tmp_path, monkeypatch):
    whole, save = run(tmp_path / "whole"), checkpoint.save

    def save_and_die(*args):
        save(*args)
        if stopping.is_set():
            raise SystemExit("killed")

    monkeypatch.setattr(checkpoint, "save", save_and_die)
    ended_early(tmp_path / "cut", StopsAtTheEndOfARow, SystemExit)
    resumed = run(tmp_path / "cut", objective=StopsAtTheEndOfARow)
    assert same(whole.weights, resumed.weights)
    assert whole.history.equals(resumed.history)


def test_finished_training_is_reused_and_says_so(tmp_path, caplog):
    first = run(tmp_path)
    with caplog.at_level(logging.INFO):
        second = run(tmp_path)
    assert "already trained" in caplog.text
    assert same(first.weights, second.weights)
    assert second.cost["train_seconds"] == first.cost["train_seconds"]


def test_half_written_checkpoint_is_ignored(tmp_path):
    whole = run(tmp_path / "a")
    partial = tmp_path / "b" / ".000000025.partial"
    partial.mkdir(parents=True)
    (partial / "state.json").write_text("{")
    assert same(whole.weights, run(tmp_path / "b").weights)


def test_the_two_newest_checkpoints_are_kept_and_are_safe(tmp_path):
    run(tmp_path)
    before, newest = sorted(tmp_path.glob("0*"))
    assert sorted(file.name for file in newest.iterdir()) == ["state.json", "tensors.safetensors"]
    steps = [json.loads((one / "state.json").read_text())["steps"] for one in (before, newest)]
    assert steps == [20, 25]


def cut(file):
    file.write_bytes(file.read_bytes()[:-10])


def flip(file):
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)


DAMAGES = {
    "tensors cut": ("tensors.safetensors", cut),
    "a bit of the tensors changed": ("tensors.safetensors", flip),
    "no tensors": ("tensors.safetensors", Path.unlink),
    "state cut": ("state.json", cut),
    "state empty": ("state.json", lambda file: file.write_bytes(b"")),
    "state of another kind": ("state.json", lambda file: file.write_text("[]")),
}


@pytest.mark.parametrize(("name", "damage"), DAMAGES.values(), ids=DAMAGES)
def test_a_broken_checkpoint_is_set_aside_and_the_one_before_gone_on_from(tmp_path, caplog, name, damage):
    whole = run(tmp_path)
    _, newest = sorted(tmp_path.glob("0*"))
    damage(newest / name)
    with caplog.at_level(logging.INFO):
        again = run(tmp_path)
    assert "000000025 cannot be read: set aside as 000000025.broken" in caplog.text
    assert "goes on from its checkpoint at 80%" in caplog.text
    assert same(whole.weights, again.weights)
    assert whole.history.equals(again.history)


class Exploding(Toy):
    """Finite for ten steps, then not."""

    def step(self, batch):
        for name, loss in super().step(batch):
            yield name, loss / (0.0 if batch.index >= 12 and name == "first" else 1.0)


def test_divergence_stops_and_keeps_the_last_good_weights(tmp_path):
    trained = run(tmp_path, objective=Exploding)
    assert trained.status == "diverged"
    assert trained.cost["kimg"] < 0.4
    assert all(torch.isfinite(tensor.float()).all() for tensor in trained.weights.values())
    # The last good weights are those of the second row, after ten steps.
    assert not np.isfinite(trained.history["loss/first"].iloc[-1])
    assert len(trained.history) == 3
    assert run(tmp_path, objective=Exploding).status == "diverged"


def test_learning_rate_rises_then_falls_to_zero(tmp_path):
    settings = TrainingSettings(kimg=0.4, batch_size=16, lr=1.0, warmup=0.2, decay_from=0.6, device="cpu")
    rates = []

    class Watched(Toy):
        def step(self, batch):
            rates.append(state["optimiser"].param_groups[0]["lr"])
            yield from super().step(batch)

    state = {}
    original = torch.optim.Adam.__init__

    def spy(self, *args, **kwargs):
        original(self, *args, **kwargs)
        state.setdefault("optimiser", self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.Adam, "__init__", spy)
        run(tmp_path, settings, objective=Watched)
    assert rates[:6] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0])
    assert rates[15] == 1.0
    assert rates[20] == pytest.approx(0.5)
    assert rates[24] == pytest.approx(0.1)


def test_rate_by_network(tmp_path):
    settings = TrainingSettings(kimg=0.032, batch_size=16, lr={"first": 1e-12, "second": 1e-2}, device="cpu")
    torch.manual_seed(0)
    start = Toy().networks["first"].state_dict()
    weights = run(tmp_path, settings).weights
    assert torch.allclose(weights["first.0.weight"], start["0.weight"], atol=1e-9)


def test_rows_reach_observers_as_they_come(tmp_path):
    seen = []
    with observing(lambda name, row, _: seen.append((name, row["kimg"]))):
        run(tmp_path)
    assert seen == [("toy", pytest.approx(k)) for k in (0.08, 0.16, 0.24, 0.32, 0.4)]
