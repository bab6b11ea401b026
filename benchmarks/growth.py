"""How time and memory grow with images, places of an image, and contenders, each 1, 2, 4 and 8 times as many.

Real runs of `gan_compare` in the smoke environment's widths, in a copy of the project. Of images, the training set and
what each contender trains on grow together; of places, the side by 1, 2, 4 and 8, so 1, 4, 16 and 64 times as many; of
contenders, trainings of one with several seeds.

    python -W ignore benchmarks/growth.py

It prints a table, and for each the exponents of the steepest and of the whole rise: 1 is in proportion.
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Callable, Sequence

from kedro_run import Took, copy, kedro_run
from turns import load, say

COUNT, KIMG = 2048, 4
TIMES = (1, 2, 4, 8)


def _images(times: int) -> tuple[int, list[str]]:
    """How many times as much, and the arguments of the run."""
    sizes = f"image_sets.squares.count={COUNT * times},training.kimg={KIMG * times}"
    return times, ["--contenders=dcgan,vae", f"--params={sizes}"]


def _places(times: int) -> tuple[int, list[str]]:
    side = 16 * times
    sizes = (
        f"image_sets.squares.resolution={side},image_sets.squares.count={COUNT // 4},training.kimg={KIMG / 4}"
    )
    return times**2, ["--contenders=dcgan,vae", f"--params={sizes}"]


def _contenders(times: int) -> tuple[int, list[str]]:
    return times, ["--contenders=dcgan", f"--seeds={times}", f"--params=training.kimg={KIMG}"]


GROWTHS: dict[str, Callable[[int], tuple[int, list[str]]]] = {
    "images": _images,
    "places": _places,
    "contenders": _contenders,
}


def exponents(sizes: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """Of the steepest rise between neighbours, and of that from the first to the last: log value over log size."""
    pairs = list(zip(sizes, values, strict=True))
    rises = [math.log(v2 / v1) / math.log(s2 / s1) for (s1, v1), (s2, v2) in itertools.pairwise(pairs)]
    return max(rises), math.log(values[-1] / values[0]) / math.log(sizes[-1] / sizes[0])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--of", nargs="+", choices=list(GROWTHS), default=list(GROWTHS))
    parser.add_argument("--times", nargs="+", type=int, default=list(TIMES))
    asked = parser.parse_args()
    say("| what | times as many | seconds | in nodes, s | most memory, MB |")
    say("| --- | --- | --- | --- | --- |")
    steepness = []
    for what in asked.of:
        sizes, found = [], []
        for times in asked.times:
            size, arguments = GROWTHS[what](times)
            with copy() as project:  # nothing that is already trained is used again
                took = kedro_run(project, "--pipelines=gan_compare", "--env=smoke", *arguments)
            sizes.append(size)
            found.append(took)
            say(f"| {what} | {size} | {took.seconds:.1f} | {took.in_nodes:.1f} | {took.memory_mb:,.0f} |")
        steepness += [_steepness(what, sizes, found)] if len(sizes) > 1 else []
    say(
        "\n| exponent of | steepest | whole | of node seconds: steepest | whole | of memory: steepest | whole |"
    )
    say("| --- | --- | --- | --- | --- | --- | --- |")
    for line in steepness:
        say(line)
    say(f"\n{load()}")


def _steepness(what: str, sizes: Sequence[int], found: Sequence[Took]) -> str:
    kinds = (
        [took.seconds for took in found],
        [took.in_nodes for took in found],
        [took.memory_mb for took in found],
    )
    numbers = [f"{number:.2f}" for values in kinds for number in exponents(sizes, values)]
    return f"| {what} | {' | '.join(numbers)} |"


if __name__ == "__main__":
    main()
