"""Every score that claims to measure quality must order what anybody can order by eye."""

from pathlib import Path

import pytest
import torch

from gencompare.evaluation import EvaluationSettings, score
from gencompare.imagesets.arrays import Images, ImageSplits
from gencompare.models import MODELS
from gencompare.models.shape import ImageShape
from gencompare.objectives import OBJECTIVES
from gencompare.sampling import SAMPLERS, Contender, sample
from gencompare.training import TrainingSettings, train

SHAPE = ImageShape(channels=1, resolution=32)


def samples(splits: ImageSplits, kimg: float, n: int, folder: Path) -> Images:
    """Images of a VAE that saw so many thousand training images."""
    model = MODELS["vae"](width=32)
    trained = train(
        lambda: OBJECTIVES["evidence"]().objective(model.networks(SHAPE)),
        splits.train,
        TrainingSettings(kimg=kimg, lr=2e-3, batch_size=32, ema_decay=0.99, device="cpu"),
        contender="vae",
        seed=0,
        fingerprint=str(kimg),
        checkpoints=folder,
    )
    networks = model.networks(SHAPE)
    networks["vae"].load_state_dict({k.removeprefix("vae."): v for k, v in trained.weights.items()})
    contender = Contender(networks, SAMPLERS["latent"](), SHAPE, torch.device("cpu"))
    return Images(sample(contender, n, None, seed=0))


@pytest.mark.slow
def test_floor_is_better_than_trained_than_untrained_than_noise(
    clothes: ImageSplits,
    clothes_reference: dict,
    settings: EvaluationSettings,
    cache: Path,
    tmp_path: Path,
) -> None:
    described = {"floor": clothes_reference["floor"], "noise": clothes_reference["ceiling"]}
    for name, kimg in (("trained", 20.0), ("untrained", 0.032)):
        made = samples(clothes, kimg, settings.samples, tmp_path / name)
        described[name] = score(made, clothes, clothes_reference, settings, cache)
    claimed = [name for name, one in described["floor"]["scores"].items() if one["measures"] == "quality"]
    assert len(claimed) >= 2
    for name in claimed:
        order = [described[row]["scores"][name] for row in ("floor", "trained", "untrained", "noise")]
        ends = [(one["low"], one["high"]) for one in order]
        assert all(better[1] < worse[0] for better, worse in zip(ends, ends[1:], strict=False)), name
