"""Facts about the feed and the moving average."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from gencompare.imagesets.arrays import Images, to_uint8
from gencompare.training.ema import Average
from gencompare.training.feed import Feed

from .toy import toy_images


def test_every_pass_shows_every_image_once():
    feed = Feed(toy_images(50), batch_size=16, seed=3)
    seen = np.concatenate([feed.indices(step) for step in range(25)])  # 400 images: eight passes
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
    feed = Feed(images, 1000, seed=0, horizontal_flip=True)
    made, originals = to_uint8(feed.batch(0)[0]), images.images[feed.indices(0)]
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
        average.update(network, updates)
    assert np.isclose(float(average.network.weight), expected, rtol=1e-6)
    assert expected > 0.9


def test_average_takes_integer_buffers_as_they_are():
    network = nn.BatchNorm1d(2)
    average = Average(network, decay=0.9)
    network(torch.randn(4, 2))
    average.update(network, updates=100)
    assert int(average.network.num_batches_tracked) == 1
    assert torch.allclose(average.network.running_mean, 0.1 * network.running_mean)
