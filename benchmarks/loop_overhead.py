"""What the training loop costs beside a loop written by hand, with the same networks, images, optimisers and steps.

The project's whole `train` runs, history rows, finite checks and kept weights included, checkpoints (one in 30 seconds)
and validations left out. After each history row the loop of `by_hand.py` takes the same steps. So both alternate, and
both end with the same weights, which is checked.

    python -W ignore benchmarks/loop_overhead.py --rows 40 --contenders vanilla_gan dcgan

A row is as long as in a full training of the contender. It prints a table: medians over rows, of processor time.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
import torch
from by_hand import ByHand
from fashion import contender
from turns import SEED, Turns, in_turns, load, say, whole_rows

from gencompare.imagesets.arrays import Images
from gencompare.imagesets.squares import Squares
from gencompare.models.parts.shape import ImageShape
from gencompare.training.loop import all_steps

SHAPE = ImageShape(channels=3, resolution=32)
CONTENDERS = "vanilla_gan dcgan lsgan wgan_gp progressive_gan vae ddpm flow r3gan".split()


def measure(name: str, images: Images, rows: int, most_steps: int = 10**9) -> tuple[Turns, bool]:
    """Train a contender in both ways; say whether both ended with the same bytes.

    Args:
        most_steps: a row, if it is to be shorter than in a full training.
    """
    chosen = contender(name)
    steps_a_row = max(1, min(round(all_steps(chosen.training) / chosen.training.rows), most_steps))
    settings = whole_rows(chosen.training, rows + 1, steps_a_row)
    hand = ByHand(replace(chosen, training=settings), images, SHAPE, all_steps(settings), SEED)
    turns = in_turns(
        lambda: chosen.objective.objective(chosen.model.networks(SHAPE)), images, settings, hand.run
    )
    ends = {f"{hand.averaged}.{key}": value for key, value in hand.average.state_dict().items()}
    return turns, all(torch.equal(value, ends[key]) for key, value in turns.trained.weights.items())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument(
        "--threads", type=int, default=1, help="of the CPU; a training in a comparison has one"
    )
    parser.add_argument("--contenders", nargs="+", default=CONTENDERS)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    images = Squares(count=5000).draw("train", 0, 5000)
    say("| contender | CPU ms a step, by hand | gencompare | over | quartiles | same weights |")
    say("| --- | --- | --- | --- | --- | --- |")
    for name in asked.contenders:
        turns, same = measure(name, images, asked.rows)
        ours, hand = (1000 * np.median(part) / turns.steps_a_row for part in (turns.ours, turns.other))
        middle, low, high = (f"{100 * share:+.1f} %" for share in turns.over)
        say(f"| {name} | {hand:.2f} | {ours:.2f} | {middle} | {low} to {high} | {'yes' if same else 'NO'} |")
    say(f"\n{asked.rows} rows each, {asked.threads} thread(s), {load()}")


if __name__ == "__main__":
    main()
