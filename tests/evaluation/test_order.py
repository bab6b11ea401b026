"""Every score that claims to measure quality must order what anybody can order by eye."""

from pathlib import Path

import numpy as np

from gencompare.evaluation.bench import Bench
from gencompare.evaluation.distances import frechet_at_infinity
from gencompare.evaluation.scoring import score
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.imagesets.arrays import Images, ImageSplits
from gencompare.models import MODELS
from gencompare.models.parts.shape import ImageShape
from gencompare.objectives import OBJECTIVES
from gencompare.sampling import SAMPLERS
from gencompare.sampling.images import sample
from gencompare.training.loop import train
from gencompare.training.settings import TrainingSettings

SHAPE = ImageShape(channels=1, resolution=32)


def samples(splits: ImageSplits, kimg: float, n: int, folder: Path) -> Images:
    """Images of a VAE that saw so many thousand training images."""
    model = MODELS["vae"](width=32)
    trained = train(
        lambda: OBJECTIVES["elbo"]().objective(model.networks(SHAPE)),
        splits.train,
        TrainingSettings(kimg=kimg, lr=2e-3, batch_size=32, ema_decay=0.99, device="cpu"),
        name="vae",
        seed=0,
        folder=folder,
    )
    networks = model.networks(SHAPE)
    networks["vae"].load_state_dict({k.removeprefix("vae."): v for k, v in trained.weights.items()})
    sampler = SAMPLERS["latent"]().sampler(networks, SHAPE, {})
    return Images(sample(sampler, n, None, seed=0))


def test_real_images_are_better_than_trained_than_untrained_than_noise(
    clothes: ImageSplits,
    clothes_reference: dict,
    settings: EvaluationSettings,
    cache: Path,
    tmp_path: Path,
) -> None:
    described = {row: clothes_reference[row] for row in ("real_images", "noise")}
    bench, made = Bench(clothes, settings, cache, settings.samples), {}
    for name, kimg in (("trained", 15.0), ("untrained", 0.032)):
        made[name] = samples(clothes, kimg, settings.samples, tmp_path / name)
        described[name] = score(made[name], clothes, clothes_reference, settings, cache)
    claimed = [
        name for name, one in described["real_images"]["scores"].items() if one["measures"] == "quality"
    ]
    assert len(claimed) >= 2
    for name in claimed:
        order = [described[row]["scores"][name] for row in ("real_images", "trained", "untrained", "noise")]
        ends = [(one["low"], one["high"]) for one in order]
        assert ends[0][1] < ends[1][0], name
        assert all(ends[1][1] < worse[0] for worse in ends[2:]), name
        if (
            "learnt" not in name
        ):  # which saw nothing but clothes: grey blurs and noise are alike far from them
            assert ends[2][1] < ends[3][0], name

    # the extrapolated distance needs n >= 2 D, so the features are turned into fewer at random
    real = bench.features(bench.drawn("heldout"))
    rng = np.random.default_rng(settings.seed)
    fewer = rng.normal(size=(real.shape[1], settings.samples // 2)) / np.sqrt(real.shape[1])
    noise = Images(
        np.random.default_rng(settings.seed).integers(
            0, 256, (bench.n, *clothes.train.images.shape[1:]), np.uint8
        )
    )
    sets = [bench.drawn("train"), made["trained"], made["untrained"], noise]
    infinite = [frechet_at_infinity(bench.features(one) @ fewer, real @ fewer, seed=0) for one in sets]
    # so few directions do not tell which of grey blurs and noise is worse: 779 and 852 in all 1,280
    assert 5 * abs(infinite[0]) < infinite[1] < min(infinite[2:])
