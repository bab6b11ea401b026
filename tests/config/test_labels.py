"""Guidance by labels needs a network that has learnt both: with a label, and without."""

from __future__ import annotations

import pytest

from gencompare.config.check import _check_labels
from gencompare.config.contender import read_contender
from gencompare.config.typed import SettingError


def contender(dropout, scale, conditional=True):
    return read_contender(
        {
            "model": {"name": "unet", "conditional": conditional},
            "objective": {"name": "denoising", "label_dropout": dropout},
            "sampler": {"name": "ddim", "guidance_scale": scale},
            "training": {"kimg": 1},
        }
    )


@pytest.mark.parametrize(("dropout", "scale"), [(0.0, 1.0), (0.1, 2.0), (0.1, 0.0), (1.0, 0.0)])
def test_what_is_learnt_may_be_asked_for(dropout, scale):
    _check_labels(contender(dropout, scale))


@pytest.mark.parametrize(
    ("dropout", "scale", "said"),
    [
        (0.0, 2.0, r"^sampler.guidance_scale=2.0: takes .* objective.label_dropout=0; set that above 0$"),
        (0.0, 0.0, r"^sampler.guidance_scale=0.0: takes"),
        (1.0, 1.0, r"^objective.label_dropout=1.0: .* set it below 1, or sampler.guidance_scale=0$"),
    ],
)
def test_what_is_never_learnt_is_refused(dropout, scale, said):
    with pytest.raises(SettingError, match=said):
        _check_labels(contender(dropout, scale))


def test_a_network_without_labels_hides_none():
    _check_labels(contender(1.0, 1.0, conditional=False))
