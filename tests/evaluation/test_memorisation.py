import cv2
import numpy as np
import pytest

from gencompare.evaluation.memorisation import COPIES, NEIGHBOURHOOD, neighbours, panels, threshold
from gencompare.imagesets.arrays import Images, ImageSplits


@pytest.fixture(scope="module")
def limit(clothes: ImageSplits) -> float:
    return threshold(neighbours(np.asarray(clothes.heldout.images), clothes.train).relative)


def share(images: np.ndarray, clothes: ImageSplits, limit: float) -> float:
    return float((neighbours(images, clothes.train).relative < limit).mean())


def test_a_copy_is_no_distance_from_its_original(clothes: ImageSplits) -> None:
    found = neighbours(np.asarray(clothes.train.images[100:120]), clothes.train)
    assert found.nearest[:, 0].tolist() == list(range(100, 120))
    assert found.relative == pytest.approx(np.zeros(20), abs=0.02)


def test_neighbours_are_those_of_brute_force(clothes: ImageSplits) -> None:
    samples, train = np.asarray(clothes.heldout.images[:5]), np.asarray(clothes.train.images)
    apart = np.sqrt(((samples[:, None] / 255 - train[None] / 255.0) ** 2).sum(axis=(2, 3, 4)))
    order = np.sort(apart, axis=1)[:, :NEIGHBOURHOOD]
    found = neighbours(samples, clothes.train)
    assert found.nearest.tolist() == np.argsort(apart, axis=1)[:, :3].tolist()
    assert found.relative == pytest.approx(order[:, 0] / order.mean(axis=1), rel=1e-3)


def test_copies_are_caught_and_unseen_images_are_not(clothes: ImageSplits, limit: float) -> None:
    train, held = np.asarray(clothes.train.images[:200]), np.asarray(clothes.heldout.images)
    assert share(train, clothes, limit) == 1.0
    assert share(held, clothes, limit) == pytest.approx(0.01, abs=0.002)


def test_retouched_copies_are_caught(clothes: ImageSplits, limit: float) -> None:
    train = np.asarray(clothes.train.images[:200])
    noise = np.random.default_rng(0).normal(0, 8, train.shape)
    assert share(np.clip(train + noise, 0, 255).astype(np.uint8), clothes, limit) > 0.9
    assert share((train * 0.9).astype(np.uint8), clothes, limit) > 0.9


def test_blurred_unseen_images_are_not_accused(clothes: ImageSplits, limit: float) -> None:
    held = np.asarray(clothes.heldout.images[:300])
    blurred = np.stack([cv2.GaussianBlur(image, (0, 0), 2.0)[..., None] for image in held])
    assert share(blurred, clothes, limit) < 0.05


def test_copies_of_one_source_count_once(clothes: ImageSplits) -> None:
    """Training images with augmented copies beside them: a copied one must stand out all the same."""
    images = np.asarray(clothes.train.images[:300])
    augmented = [np.roll(images, shift, axis=2) for shift in range(COPIES)]
    source = np.tile(np.char.add("photo", np.arange(300).astype(str)), COPIES)
    known = Images(np.concatenate(augmented), factors={"source": source})
    unknown = Images(np.concatenate(augmented))
    shown = neighbours(images[:30], known)
    assert [len({source[i] for i in row}) for row in shown.nearest] == [3] * 30
    alone = neighbours(images[:30], Images(images))
    assert shown.relative.max() < 0.02
    held = np.asarray(clothes.heldout.images[:100])
    # with sources known, neighbourhoods reach as far as among the originals alone
    told, untold = (neighbours(held, train).relative for train in (known, unknown))
    plain = neighbours(held, Images(images)).relative
    assert np.abs(told - plain).mean() < np.abs(untold - plain).mean()
    assert alone.relative.max() < 0.02


def test_panels_show_the_worst_first(clothes: ImageSplits) -> None:
    samples = np.concatenate([np.asarray(clothes.heldout.images[:10]), np.asarray(clothes.train.images[7:8])])
    shown = panels(neighbours(samples, clothes.train), count=4)
    assert shown["samples"][0] == 10
    assert shown["nearest"][0][0] == 7
    assert shown["relative_distance"] == sorted(shown["relative_distance"])
    assert len(shown["nearest"]) == 4
