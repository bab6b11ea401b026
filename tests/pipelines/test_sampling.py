"""Sampling alone, as the node does it."""

import numpy as np
import pytest

from gencompare.pipelines.sampling.nodes import sample_saved


@pytest.mark.parametrize("pngs", [True, False])
def test_single_pictures_are_the_images_as_they_are_and_made_only_where_asked_for(
    tmp_path, leave_training, pngs
):
    leave_training(tmp_path, "one/squares/dcgan")
    request = {"from": "one.dcgan", "dataset": None, "n": 3, "labels": None, "seed": 5, "pngs": pngs}
    samples, _, singles = sample_saved(tmp_path, request)
    assert len(singles) == (3 if pngs else 0)
    for number, picture in enumerate(singles.values()):
        assert picture.mode == "L"
        assert np.array_equal(np.asarray(picture), samples.images[number, :, :, 0])
