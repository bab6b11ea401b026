"""What the training loop costs beside a loop written by hand, with the same networks, images, optimisers and steps.

The project's whole `train` runs, history rows, finite checks and kept weights included, checkpoints (one in 30 seconds)
and validations left out. After each history row the loop of `by_hand.py` takes the same steps. So both alternate, and
both end with the same weights, which is checked.

    python benchmarks/loop_overhead.py --rows 20 --contenders vanilla_gan dcgan

A row is as long as in a full training of the contender. It prints a table: the medians over rows, of processor time, which
what else runs on the machine disturbs least.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from by_hand import ByHand
from fashion import contender

from gencompare.imagesets.arrays import Images
from gencompare.imagesets.squares import Squares
from gencompare.models.parts.shape import ImageShape
from gencompare.training.loop import train
from gencompare.training.progress import Row, observing

SHAPE = ImageShape(channels=3, resolution=32)
SEED = 0
CONTENDERS = [
    *("vanilla_gan", "dcgan", "lsgan", "wgan_gp", "progressive_gan", "vae", "ddpm"),
    *("flow", "r3gan"),
]


@dataclass(frozen=True)
class Overhead:
    """Of one contender.

    Attributes:
        ours, by_hand: milliseconds of the processor a step, medians over rows.
        over: the median over rows of ours / by hand - 1, and its lower and upper quartile.
        same: whether both ended with the same bytes.
    """

    ours: float
    by_hand: float
    over: tuple[float, float, float]
    same: bool


def measure(name: str, images: Images, rows: int, most_steps: int | None = None) -> Overhead:
    """Train a contender in both ways in turns, the first row of which is thrown away.

    Args:
        most_steps: a row, if it is to be shorter than in a full training.
    """
    chosen = contender(name)
    steps_a_row = max(1, min(round(chosen.training.steps / chosen.training.rows), most_steps or 10**9))
    rows += 1
    steps = steps_a_row * rows
    settings = replace(
        chosen.training,
        kimg=steps * chosen.training.batch_size / 1000,
        rows=rows,
        validations=0,
        checkpoint_seconds=1e9,
        device="cpu",
    )
    hand = ByHand(replace(chosen, training=settings), images, SHAPE, steps, SEED)
    ours, by_hand, since = [], [], time.process_time()

    def take_turns(_: str, row: Row, kimg: float) -> None:
        nonlocal since
        now = time.process_time()
        ours.append(now - since)
        hand.run(begin := len(by_hand) * steps_a_row, begin + steps_a_row)
        since = time.process_time()
        by_hand.append(since - now)

    with tempfile.TemporaryDirectory() as folder, observing(take_turns):
        trained = train(
            lambda: chosen.objective.objective(chosen.model.networks(SHAPE)),
            images,
            settings,
            name=name,
            seed=SEED,
            folder=Path(folder),
        )
    ends = {f"{hand.averaged}.{key}": value for key, value in hand.average.state_dict().items()}
    ratios = np.array(ours[1:]) / np.array(by_hand[1:]) - 1
    middle, low, high = np.percentile(ratios, [50, 25, 75]).tolist()
    return Overhead(
        ours=1000 * float(np.median(ours[1:])) / steps_a_row,
        by_hand=1000 * float(np.median(by_hand[1:])) / steps_a_row,
        over=(middle, low, high),
        same=all(torch.equal(value, ends[key]) for key, value in trained.weights.items()),
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument(
        "--threads", type=int, default=1, help="of the CPU, as a training has them in a comparison"
    )
    parser.add_argument("--contenders", nargs="+", default=CONTENDERS)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    images = Squares(count=5000).draw("train", 0, 5000)
    print("| contender | CPU ms a step, by hand | gencompare | over | quartiles | same weights |")  # noqa: T201
    print("| --- | --- | --- | --- | --- | --- |")  # noqa: T201
    for name in asked.contenders:
        found = measure(name, images, asked.rows)
        middle, low, high = (f"{100 * share:+.1f} %" for share in found.over)
        line = f"{found.by_hand:.2f} | {found.ours:.2f} | {middle} | {low} to {high}"
        print(f"| {name} | {line} | {'yes' if found.same else 'NO'} |", flush=True)  # noqa: T201
    print(f"\n{asked.rows} rows, {asked.threads} thread(s); load {os.getloadavg()[0]:.1f} at the end")  # noqa: T201


if __name__ == "__main__":
    main()
