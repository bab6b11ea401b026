"""No default score may find a set with a plain fault as good as real images: on squares, and on photos."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gencompare.evaluation.bench import Bench
from gencompare.evaluation.blindness import coarse
from gencompare.evaluation.ranks import surely_better
from gencompare.evaluation.scoring import describe_reference, score
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.imagesets.arrays import Images, ImageSplits
from gencompare.imagesets.cub200 import CUB200
from gencompare.models import MODELS
from gencompare.models.parts.shape import ImageShape
from gencompare.sampling import SAMPLERS
from gencompare.sampling.images import sample

from .conftest import prepared

UNCONCERNED = {"memorised"}  # who copies nothing is no better for it


@pytest.fixture(scope="session")
def birds(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> ImageSplits:
    return prepared(CUB200(folder=str(shared_data / "CUB_200_2011"), crop_to_box=True), tmp_path_factory)


def untrained(splits: ImageSplits, n: int) -> np.ndarray:
    torch.manual_seed(0)
    shape = ImageShape(channels=3, resolution=32)
    sampler = SAMPLERS["latent"]().sampler(MODELS["dcgan"]().networks(shape), shape, {})
    return sample(sampler, n, None, seed=0)


@pytest.mark.parametrize("name", ["squares", "birds"])
def test_every_default_score_of_plain_faults_is_surely_worse_than_real_images(
    name: str, request: pytest.FixtureRequest, settings: EvaluationSettings, cache: Path
) -> None:
    splits: ImageSplits = request.getfixturevalue(name)
    settings = replace(settings, samples=500)
    reference = describe_reference(splits, settings, cache)
    bench = Bench(splits, settings, cache, reference["n"])
    sets = {"blur": coarse(bench.drawn("train").images), "untrained": untrained(splits, bench.n)}
    found = {"uniform noise": reference["noise"]} | {
        fault: score(Images(images), splits, reference, settings, cache) for fault, images in sets.items()
    }
    for fault, described in found.items():
        for key, one in described["scores"].items():
            if one["kind"] in UNCONCERNED:
                continue
            real = reference["real_images"]["scores"][key]
            ends = [(each["low"], each["high"]) for each in (real, one)]
            assert surely_better(ends[0], ends[1], one["better"]), (fault, key, ends)
