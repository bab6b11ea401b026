import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from gencompare.evaluation.square_scores import square_statistic, wasserstein
from gencompare.imagesets.arrays import ImageSplits
from gencompare.imagesets.squares import Squares

SHORTEST, LONGEST = Squares().side


def scores(images: np.ndarray, splits: ImageSplits) -> dict[str, float]:
    statistic, _ = square_statistic(images, splits)
    return {name: float(values[0]) for name, values in statistic([np.arange(len(images))]).items()}


def made(count: int = 400, **settings: object) -> np.ndarray:
    return Squares(count=count, seed=7, **settings).draw("train", 0, count).images


def test_on_the_line_the_distance_is_scipys() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=50), rng.normal(size=70) + 1
    assert wasserstein(a, b) == pytest.approx(wasserstein_distance(a, b), rel=1e-9)


def test_on_the_circle_the_distance_goes_the_short_way_round() -> None:
    a, b = np.array([0.02, 0.04]), np.array([0.98, 0.96])
    assert wasserstein(a, b, period=1.0) == pytest.approx(0.06)
    assert wasserstein(a, b) == pytest.approx(0.94)
    assert wasserstein(a + 0.3, b + 0.3, period=1.0) == pytest.approx(0.06)


def test_real_squares_match_the_generator(squares: ImageSplits) -> None:
    found = scores(np.asarray(squares.train.images), squares)
    assert found["squares_valid"] >= 0.99
    assert found["squares_coverage"] > 0.97
    for name in ("colour", "side", "angle", "place"):
        assert found[f"squares_{name}_distance"] < 0.05


@pytest.mark.parametrize(
    ("name", "wrong", "wanted"),
    [
        ("colour", {"colour": (0.3, 0.65)}, 0.25),  # half of the range: means a quarter of it apart
        ("side", {"side": (SHORTEST, (SHORTEST + LONGEST) / 2)}, 0.25),
        ("angle", {"angle": (0.0, 45.0)}, 0.125),  # on the circle, mass moves both ways
        ("place", {"spread": 0.0}, None),
    ],
)
def test_a_wrong_factor_is_told_from_the_others(
    squares: ImageSplits, name: str, wrong: dict, wanted: float | None
) -> None:
    found = scores(made(**wrong), squares)
    distances = {other: found[f"squares_{other}_distance"] for other in ("colour", "side", "angle", "place")}
    assert found["squares_valid"] >= 0.99
    assert max(distances, key=lambda other: distances[other]) == name
    assert all(value < 0.06 for other, value in distances.items() if other != name)
    if wanted is not None:
        assert distances[name] == pytest.approx(wanted, abs=0.03)


def test_a_generator_that_drops_modes_covers_fewer_factors(squares: ImageSplits) -> None:
    whole, few = scores(made(), squares), scores(np.resize(made(10), (400, 32, 32, 3)), squares)
    assert few["squares_valid"] == 1.0
    assert few["squares_coverage"] < 0.35
    assert whole["squares_coverage"] > 0.95


def test_without_valid_squares_every_score_is_the_worst(squares: ImageSplits) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (50, 32, 32, 3), np.uint8)
    found = scores(noise, squares)
    assert found.pop("squares_valid") == found.pop("squares_coverage") == 0.0
    assert set(found.values()) == {1.0}
