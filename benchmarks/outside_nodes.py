"""Seconds of a `kedro run` outside its nodes: start-up, reading settings, the engine, what Kedro does between, the end.

    python -W ignore benchmarks/outside_nodes.py                # the smoke environment, twice: fresh, then nothing to train
    python -W ignore benchmarks/outside_nodes.py --env base     # what `make compare` runs, about ten minutes the first time

It runs in a copy of the project, and prints a table.
"""

from __future__ import annotations

import argparse

from kedro_run import copy, kedro_run
from turns import load, say


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--env", default="smoke")
    parser.add_argument("--pipeline", default="gan_compare")
    parser.add_argument("--again", type=int, default=3, help="runs with nothing left to train")
    asked = parser.parse_args()
    say("| run | seconds | outside its nodes | most memory, MB |")
    say("| --- | --- | --- | --- |")
    with copy() as project:
        for number in range(1 + asked.again):
            took = kedro_run(project, f"--pipelines={asked.pipeline}", f"--env={asked.env}")
            name = "fresh" if number == 0 else f"again, {number}"
            say(f"| {name} | {took.seconds:.1f} | {took.outside:.1f} | {took.memory_mb:,.0f} |")
    say(f"\n{asked.pipeline}, --env={asked.env}, {load()}")


if __name__ == "__main__":
    main()
