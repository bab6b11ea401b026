"""The second extractor: what it learns, that it learns the same each time, and what it says on its passport."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save

from gencompare.evaluation import learnt
from gencompare.evaluation.bench import Bench
from gencompare.evaluation.features import learnt_extractor
from gencompare.evaluation.learnt import WIDTHS, Learnt, learn, subject
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.imagesets.arrays import Images, ImageSplits

from .conftest import Edit


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learnt, "MOST_IMAGES", 4_000)


def stripes(n: int, seed: int) -> Images:
    """Dark or light noise in which every fourth row (class 0) or column (class 1) is a little brighter."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    images = rng.integers(0, 60, (n, 16, 16, 1), np.uint8) + rng.integers(0, 160, (n, 1, 1, 1), np.uint8)
    for image, label, first in zip(images, labels, rng.integers(0, 4, n), strict=True):
        image.swapaxes(0, label)[first::4] += 30
    return Images(images, labels)


def embedded(extractor: Learnt, images: Images) -> np.ndarray:
    pixels = torch.from_numpy(np.array(images.images)).permute(0, 3, 1, 2).expand(-1, 3, -1, -1)
    with torch.inference_mode():
        found: np.ndarray = extractor.embed(pixels).numpy()
    return found


def nearest_agree(features: np.ndarray, labels: np.ndarray) -> float:
    """Share of images whose nearest other image is of their class."""
    apart = np.square(features[:, None] - features[None]).sum(axis=2)
    np.fill_diagonal(apart, np.inf)
    return float((labels[apart.argmin(axis=1)] == labels).mean())


def test_the_same_images_give_the_same_bytes_whatever_the_threads_and_the_stream_before() -> None:
    train = stripes(200, 0)
    threads, first = torch.get_num_threads(), learn(train)
    torch.manual_seed(123)
    before = torch.random.get_rng_state()
    torch.set_num_threads(2)
    try:
        assert learn(train) == first
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert learn(stripes(200, 1)) != first


def test_it_learns_classes_where_there_are_some_and_else_views() -> None:
    train = stripes(400, 0)
    assert subject(train) == "classes"
    assert subject(replace(train, labels=None)) == "views"
    assert subject(replace(train, labels=np.zeros(400, np.int64))) == "views"
    fresh = stripes(200, 9)
    torch.manual_seed(0)
    unlearnt = embedded(Learnt(save(learnt._Network().state_dict()), "classes"), fresh)
    features = embedded(Learnt(learn(train), "classes"), fresh)
    assert features.shape == (200, sum(WIDTHS))
    assert nearest_agree(features, fresh.labels) > nearest_agree(unlearnt, fresh.labels)


def test_of_many_images_it_learns_from_all_over_the_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learnt, "MOST_LEARNT_FROM", 100)
    levels = np.repeat(np.arange(4, dtype=np.uint8) * 60, 100)[
        :, None, None, None
    ]  # in the order of their classes
    by_class = Images(np.broadcast_to(levels, (400, 16, 16, 1)).copy(), np.repeat([0, 1, 2, 3], 100))
    seen, pixels = [], learnt._pixels
    monkeypatch.setattr(learnt, "_pixels", lambda images: (seen.append(images), pixels(images))[1])
    learn(by_class)
    greys, counts = np.unique(seen[0][:, 0, 0, 0], return_counts=True)
    assert greys.tolist() == [0, 60, 120, 180] and counts.sum() == 100 and counts.min() > 10


def test_the_loss_of_views_is_that_of_finding_the_partner() -> None:
    codes = torch.eye(8).repeat(2, 1)  # partners alike, all others at right angles
    others = 14 * math.exp(-1 / learnt.TEMPERATURE)
    assert float(learnt._contrast(codes)) == pytest.approx(math.log(1 + others), rel=1e-5)
    apart = torch.cat([torch.eye(8), torch.eye(8).roll(1, 0)])  # each is alike to another's view
    assert float(learnt._contrast(apart)) > 1 / learnt.TEMPERATURE


def test_a_view_is_the_image_moved_and_lit_otherwise() -> None:
    torch.manual_seed(0)
    image = torch.full((64, 1, 16, 16), -0.2)
    image[:, :, 8, 8] = 0.6
    seen = learnt._view(image)
    places = {divmod(int(place), 16) for place in seen.flatten(1).argmax(dim=1)}
    assert len(places) > 20
    assert all(5 <= row <= 11 and 5 <= column <= 11 for row, column in places)
    assert float(seen.amax(dim=(1, 2, 3)).std()) > 0.05


def test_it_is_learnt_once_for_an_image_set_and_its_weights_are_on_the_passport(
    squares: ImageSplits, settings: EvaluationSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = learnt_extractor(squares, tmp_path)
    monkeypatch.setattr(learnt, "learn", lambda _: pytest.fail("learnt again"))
    again = learnt_extractor(squares, tmp_path)
    assert again.passport() == first.passport()
    assert len(first.passport()["weights_sha256"]) == 64
    assert first.passport()["learnt"] == "views"
    assert [e.name for e in Bench(squares, settings, tmp_path, 10).extractors] == [
        "efficientnet_lite0",
        "learnt",
    ]
    alone = Bench(squares, replace(settings, second_extractor="none"), tmp_path, 10)
    assert [e.name for e in alone.extractors] == ["efficientnet_lite0"]


@pytest.mark.parametrize("module", ["evaluation.learnt", "imagesets.arrays"])
def test_it_is_learnt_anew_where_code_that_it_reaches_is_other(
    squares: ImageSplits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edit: Edit, module: str
) -> None:
    weights = save(learnt._Network().state_dict())
    monkeypatch.setattr(learnt, "learn", lambda _: weights)
    for code in ("", "# a comment\n", "OTHER = 1\n"):
        edit(module, code)
        learnt_extractor(squares, tmp_path)
    assert len(list((tmp_path / "learnt").iterdir())) == 2


def test_larger_images_are_averaged_down() -> None:
    train = stripes(64, 0)
    extractor = Learnt(learn(train), "classes")
    small = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), np.uint8)
    large = small.repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(
        embedded(extractor, Images(large)), embedded(extractor, Images(small)), rtol=1e-4, atol=1e-5
    )


def test_it_says_that_it_learns_and_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(learnt, "SECONDS_BETWEEN_LINES", -1.0)
    with caplog.at_level("INFO", logger="gencompare"):
        learn(stripes(200, 0))
    assert caplog.messages[0].startswith("second extractor learns classes of the training images")
    assert caplog.messages[-1] == "second extractor  96 % of its steps"
    assert len(caplog.messages) == 1 + 4_000 // learnt.BATCH
