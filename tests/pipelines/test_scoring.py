"""Samples from outside, as the nodes take them."""

import numpy as np
import pytest

from gencompare.config.typed import SettingError
from gencompare.imagesets.arrays import Images, ImageSplits
from gencompare.pipelines.scoring.nodes import read_samples

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), np.uint8)


@pytest.mark.parametrize(("classes", "labels"), [(["cat", "dog"], [0, 1, 1, 0]), ([], [7, 0, 7, 0])])
def test_labels_of_the_image_set_are_kept(tmp_path, classes, labels):
    np.savez(tmp_path / "s.npz", images=IMAGES, labels=labels)
    real = Images(IMAGES, np.zeros(4, np.int64) if classes else None)
    samples = read_samples(str(tmp_path / "s.npz"), ImageSplits(real, real, {"classes": classes}))
    assert samples.labels.tolist() == labels


@pytest.mark.parametrize("strange", [-1, 2])
def test_a_label_of_no_class_is_refused(tmp_path, strange):
    np.savez(tmp_path / "s.npz", images=IMAGES, labels=[0, 1, strange, 0])
    real = Images(IMAGES, np.zeros(4, np.int64))
    with pytest.raises(SettingError, match=rf"{strange} is among its labels; .* are 0 \(cat\) to 1 \(dog\)"):
        read_samples(str(tmp_path / "s.npz"), ImageSplits(real, real, {"classes": ["cat", "dog"]}))
