"""Facts about the feed, the moving average, the state and precision."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from gencompare.imagesets.arrays import Images, to_uint8
from gencompare.models.parts.precision import fast_kernels, full_precision
from gencompare.training import feed
from gencompare.training.ema import Average
from gencompare.training.feed import Feed
from gencompare.training.loop import prepare
from gencompare.training.settings import TrainingSettings

from .toy import Toy, toy_images


def test_every_pass_shows_every_image_once():
    shown = Feed(toy_images(50), batch_size=16, seed=3)
    seen = np.concatenate([shown.indices(step) for step in range(25)])  # 400 images: eight passes
    passes = seen.reshape(8, 50)
    assert all(sorted(one) == list(range(50)) for one in passes)
    assert not np.array_equal(passes[0], passes[1])


def test_batch_larger_than_the_image_set():
    seen = Feed(toy_images(5), batch_size=12, seed=0).indices(0)
    assert sorted(seen[:5]) == sorted(seen[5:10]) == [0, 1, 2, 3, 4]


def test_step_is_independent_of_the_steps_before():
    walked, jumped = Feed(toy_images(), 16, 1), Feed(toy_images(), 16, 1)
    for step in range(9):
        walked.batch(step)
    assert torch.equal(walked.batch(9)[0], jumped.batch(9)[0])


def test_flips_mirror_about_half_of_the_images_left_to_right():
    images = toy_images(1000)
    shown = Feed(images, 1000, seed=0, horizontal_flip=True)
    made, originals = to_uint8(shown.batch(0)[0]), images.images[shown.indices(0)]
    mirrored = (made == originals[:, :, ::-1]).all(axis=(1, 2, 3))
    same = (made == originals).all(axis=(1, 2, 3))
    assert np.array_equal(mirrored, ~same)
    assert 430 < mirrored.sum() < 570


def test_flips_do_not_touch_the_source():
    images = toy_images(20)
    before = images.images.copy()
    Feed(images, 20, seed=0, horizontal_flip=True).batch(0)
    assert np.array_equal(before, images.images)


def test_labels_stay_with_their_images():
    images = np.arange(30, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 1), np.uint8)
    labelled = Images(images, labels=np.arange(30, dtype=np.int64))
    batch, labels = Feed(labelled, 7, seed=0).batch(11)
    assert labels is not None
    assert np.array_equal(to_uint8(batch)[:, 0, 0, 0], labels.numpy())


def test_average_follows_its_closed_form():
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    average = Average(network, decay=0.5)
    nn.init.ones_(network.weight)
    expected = 0.0
    for updates in range(30):
        decay = min(0.5, (1 + updates) / (10 + updates))
        expected = decay * expected + (1 - decay)
        average.update(updates)
    assert np.isclose(float(average.network.weight), expected, rtol=1e-6)
    assert expected > 0.9


def test_average_takes_integer_buffers_as_they_are():
    network = nn.BatchNorm1d(2)
    average = Average(network, decay=0.9)
    network(torch.randn(4, 2))
    average.update(updates=100)
    assert int(average.network.num_batches_tracked) == 1
    assert torch.allclose(average.network.running_mean, 0.1 * network.running_mean)


def test_memory_mapped_images_make_the_same_batches_without_a_warning(tmp_path, recwarn):
    images = toy_images(40)
    np.save(tmp_path / "images.npy", images.images)
    mapped = Images(np.load(tmp_path / "images.npy", mmap_mode="r"))
    pair = [Feed(each, 16, seed=0, horizontal_flip=True, channels_last=True) for each in (images, mapped)]
    for step in range(5):
        assert torch.equal(pair[0].batch(step)[0], pair[1].batch(step)[0])
    assert not recwarn.list


def test_images_too_many_for_a_card_stay_on_the_host_and_that_is_said(monkeypatch, caplog):
    images = torch.zeros(10, 8, 8, 1, dtype=torch.uint8)  # 640 bytes
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1200, 9000))
    with caplog.at_level("INFO"):
        assert feed._resident(images, torch.device("cuda")) is images
    assert "do not fit" in caplog.text


def test_a_training_on_the_cpu_does_not_open_cuda(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda *_: pytest.fail("asked of CUDA"))
    settings = TrainingSettings(device="cpu")
    state, _ = prepare(Toy(), toy_images(), settings, 0, torch.device("cpu"))
    assert "random/cuda" not in state.tensors()


def test_full_precision_turns_tf32_off_and_fast_kernels_turn_it_on():
    def flags():
        cudnn = torch.backends.cudnn
        return cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32, cudnn.benchmark

    before = flags()
    with fast_kernels():
        assert flags() == (True, True, True)
        with full_precision():
            assert flags() == (False, False, True)
        assert flags() == (True, True, True)
    assert flags() == before
