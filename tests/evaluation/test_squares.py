import cv2
import numpy as np
import pytest

from gencompare.evaluation.squares import fit_squares
from gencompare.imagesets.squares import Squares

SIDE = Squares().side  # as a share of the resolution


def drawn(resolution: int, count: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    made = Squares(resolution=resolution, count=count).draw("train", 0, count)
    return made.images, dict(made.factors)


def valid(images: np.ndarray) -> float:
    size = images.shape[1]
    return float(fit_squares(images, (SIDE[0] * size, SIDE[1] * size)).valid.mean())


def polygons(corners: np.ndarray, resolution: int = 32, count: int = 60) -> np.ndarray:
    """Shapes in the places, sizes and colours of squares; corners (K, 2) of a square would be at (±1, ±1)."""
    _, factors = drawn(resolution, count)
    images = np.zeros((count, resolution, resolution, 3), np.uint8)
    for i in range(count):
        angle, half = factors["angle"][i], factors["side"][i] / 2
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        points = 8 * (0.8 * half * corners @ turn.T + factors["centre"][i])
        canvas = np.zeros((8 * resolution, 8 * resolution), np.uint8)
        cv2.fillPoly(canvas, [np.rint(points).astype(np.int32)], 255)
        cover = cv2.resize(canvas, (resolution, resolution), interpolation=cv2.INTER_AREA)
        images[i] = np.rint(cover[..., None] * factors["colour"][i])
    return images


def regular(corners: int) -> np.ndarray:
    angle = np.arange(corners) * 2 * np.pi / corners
    return 1.25 * np.stack([np.cos(angle), np.sin(angle)], axis=1)


RECTANGLE = np.array([[-1.15, -0.85], [1.15, -0.85], [1.15, 0.85], [-1.15, 0.85]])
CORNER = np.array([[-1, -1], [1, -1], [1, 0], [0, 0], [0, 1], [-1, 1]])


@pytest.mark.parametrize("resolution", [16, 32, 64, 128])
def test_real_squares_are_valid_and_give_their_factors_back(resolution: int) -> None:
    images, factors = drawn(resolution, 300)
    fit = fit_squares(images, (SIDE[0] * resolution, SIDE[1] * resolution))
    assert fit.valid.mean() >= 0.99
    pixel = max(1.0, resolution / 32)  # what the fit sees as one pixel
    assert np.abs(fit.side - factors["side"]).max() < 0.15 * pixel
    assert np.abs(fit.centre - factors["centre"]).max() < 0.15 * pixel
    assert np.abs(fit.colour - factors["colour"]).max() < 0.05
    turned = np.abs(fit.angle - factors["angle"])
    assert np.minimum(turned, np.pi / 2 - turned).max() < 0.12
    assert np.quantile(np.minimum(turned, np.pi / 2 - turned), 0.9) < 0.03


@pytest.mark.parametrize("resolution", [16, 32, 64])
@pytest.mark.parametrize("corners", [3, 5, 6, 40])
def test_other_shapes_are_not_squares(corners: int, resolution: int) -> None:
    assert valid(polygons(regular(corners), resolution)) <= 0.05


@pytest.mark.parametrize("corners", [RECTANGLE, CORNER], ids=["rectangle", "corner"])
def test_nearly_squares_are_not_squares(corners: np.ndarray) -> None:
    assert valid(polygons(corners)) <= 0.05


def test_polygons_of_four_equal_corners_are_squares() -> None:
    assert valid(polygons(np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]))) >= 0.95


@pytest.mark.parametrize("resolution", [16, 32, 128])
def test_noise_and_emptiness_are_not_squares(resolution: int) -> None:
    images, _ = drawn(resolution, 40)
    noise = np.random.default_rng(0).integers(0, 256, images.shape, np.uint8)
    for wrong in (noise, np.zeros_like(images), np.full_like(images, 255), images // 20):
        assert valid(wrong) == 0


def test_blurred_squares_lose_validity_by_degrees() -> None:
    images, _ = drawn(32, 200)
    shares = [valid(np.stack([cv2.GaussianBlur(i, (0, 0), s) for i in images])) for s in (0.5, 1.5, 2.5)]
    assert shares[0] > 0.95
    assert 0.2 < shares[1] < 0.9
    assert shares[2] < 0.02


def test_noisy_squares_lose_validity_at_every_resolution() -> None:
    for resolution in (32, 128):
        images, _ = drawn(resolution, 60)
        noise = np.random.default_rng(0).normal(0, 1, images.shape)
        assert valid(np.clip(images + 5 * noise, 0, 255).astype(np.uint8)) > 0.95
        assert valid(np.clip(images + 60 * noise, 0, 255).astype(np.uint8)) == 0


def test_two_squares_are_not_a_square() -> None:
    one = np.zeros((32, 32, 3), np.uint8)
    one[4:12, 4:12] = 200
    two = one.copy()
    two[18:28, 18:28] = (0, 200, 90)
    assert fit_squares(np.stack([one, two]), (8, 16)).valid.tolist() == [True, False]


def test_a_square_cut_by_the_frame_or_of_a_size_never_made_is_not_valid() -> None:
    cut, large = np.zeros((2, 32, 32, 3), np.uint8)
    cut[10:20, 0:6] = 200
    large[3:29, 3:29] = 200
    assert fit_squares(np.stack([cut, large]), (8, 16)).valid.tolist() == [False, False]


def test_an_upright_square_on_whole_pixels_is_found_exactly() -> None:
    image = np.zeros((1, 32, 32, 3), np.uint8)
    image[0, 6:16, 12:22] = (255, 51, 0)
    fit = fit_squares(image, (8, 16))
    assert fit.side[0] == pytest.approx(10, abs=0.02)
    assert fit.centre[0] == pytest.approx([17, 11], abs=0.02)
    assert fit.colour[0] == pytest.approx([1, 0.2, 0], abs=0.01)
    assert min(fit.angle[0], np.pi / 2 - fit.angle[0]) < 0.01
