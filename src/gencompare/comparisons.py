"""Every comparison that can be run, as data: one entry here is one registered pipeline."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Training:
    """One contender trained with one seed: `repeat` more than the parameters' `seed`."""

    contender: str
    repeat: int = 0

    @property
    def name(self) -> str:
        """Name its namespace and folder: the contender's name, and the repeat where it is not the first."""
        return f"{self.contender}_repeat{self.repeat}" if self.repeat else self.contender


@dataclass(frozen=True)
class Comparison:
    """What is compared on what.

    Attributes:
        question: what the comparison is to answer, for the report.
        image_set: the image set it uses unless `--params=dataset=NAME` says otherwise.
        contenders: names of blocks under `contenders` in the parameters.
        seeds: how many times each contender is trained, with seeds that follow each other.
    """

    question: str
    image_set: str
    contenders: tuple[str, ...]
    seeds: int = 1

    @property
    def trainings(self) -> list[Training]:
        """Every training of the comparison, contender by contender."""
        return [Training(contender, repeat) for contender in self.contenders for repeat in range(self.seeds)]


COMPARISONS: dict[str, Comparison] = {
    "gan_compare": Comparison(
        question="GAN, VAE or diffusion: which makes the better images here, and at what cost?",
        image_set="squares",
        contenders=("dcgan", "vae", "ddpm"),
    ),
}

# Samples of another tool, scored like a contender's: kedro run --pipeline=score.
SCORE = Comparison(
    question="How good are these samples?",
    image_set="squares",
    contenders=(),
)


def all_jobs() -> dict[str, Comparison]:
    """Return every job that works on one image set, by pipeline name: the comparisons, and scoring alone."""
    return COMPARISONS | {"score": SCORE}
