import cv2
import numpy as np
import pytest

from gencompare.evaluation.memorisation import BLUNT, NEIGHBOURHOOD, neighbours, panels, threshold
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


def test_near_copies_among_the_held_out_images_blunt_the_limit(clothes: ImageSplits, limit: float) -> None:
    held = np.array(clothes.heldout.images)
    held[:30] = np.clip(np.asarray(clothes.train.images[:30]) + 4.0, 0, 255).astype(np.uint8)  # of 600
    assert threshold(neighbours(held, clothes.train).relative) < BLUNT < 0.3 < limit


def test_blurred_unseen_images_are_not_accused(clothes: ImageSplits, limit: float) -> None:
    held = np.asarray(clothes.heldout.images[:300])
    blurred = np.stack([cv2.GaussianBlur(image, (0, 0), 2.0)[..., None] for image in held])
    assert share(blurred, clothes, limit) < 0.05


def test_a_new_copy_stands_out_from_augmented_copies_where_their_source_is_known(
    clothes: ImageSplits,
) -> None:
    """Sixty copies of each photo, all alike, would fill a neighbourhood: none were nearer than the others."""
    photos, rng = np.asarray(clothes.train.images[:60]), np.random.default_rng(0)
    copies = np.repeat(photos, 60, axis=0)
    noisy = [np.clip(some + rng.normal(0, 12, some.shape), 0, 255) for some in (copies, photos)]
    train, made = (images.astype(np.uint8) for images in noisy)
    source = np.repeat(np.char.add("photo", np.arange(60).astype(str)), 60)
    known = neighbours(made, Images(train, factors={"source": source}))
    assert known.relative.max() < 0.5
    assert neighbours(made, Images(train)).relative.min() > 0.9
    assert source[known.nearest[:, 0]].tolist() == source[::60].tolist()
    assert [len({source[i] for i in row}) for row in known.nearest] == [3] * 60


def test_copies_of_one_source_leave_the_neighbourhood_of_the_originals(clothes: ImageSplits) -> None:
    photos, held = np.asarray(clothes.train.images[:300]), np.asarray(clothes.heldout.images[:50])
    copied = Images(np.tile(photos, (12, 1, 1, 1)), factors={"source": np.tile(np.arange(300), 12)})
    plain, told = neighbours(held, Images(photos)), neighbours(held, copied)
    assert told.relative == pytest.approx(plain.relative, rel=1e-4)
    assert (told.nearest % 300).tolist() == plain.nearest.tolist()


def test_panels_show_the_worst_first(clothes: ImageSplits) -> None:
    samples = np.concatenate([np.asarray(clothes.heldout.images[:10]), np.asarray(clothes.train.images[7:8])])
    shown = panels(neighbours(samples, clothes.train), count=4)
    assert shown["samples"][0] == 10
    assert shown["nearest"][0][0] == 7
    assert shown["relative_distance"] == sorted(shown["relative_distance"])
    assert len(shown["nearest"]) == 4
