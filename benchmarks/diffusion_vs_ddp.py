"""Our diffusion contender against denoising-diffusion-pytorch: the same images, seconds and machine.

Both learn FashionMNIST at 32x32 for the same time, then make samples that are scored alike against the
held-out split. Run it on an otherwise idle machine, from the project folder:

    pip install '.[benchmarks]'
    python benchmarks/diffusion_vs_ddp.py --seconds 600

It prints one line of JSON a contender and writes results.json and a grid of samples each to --out.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from denoising_diffusion_pytorch import GaussianDiffusion, Unet
from ema_pytorch import EMA

from gencompare.evaluation import EvaluationSettings
from gencompare.evaluation.distances import frechet
from gencompare.evaluation.features import features, make_extractor
from gencompare.imagesets.arrays import Images, to_uint8
from gencompare.imagesets.fashion_mnist import FashionMNIST
from gencompare.models import MODELS
from gencompare.models.shape import ImageShape
from gencompare.objectives import OBJECTIVES
from gencompare.reporting.figures import image_grid
from gencompare.sampling import SAMPLERS, Contender, sample
from gencompare.training import TrainingSettings, train
from gencompare.training.device import pick_device

SHAPE = ImageShape(channels=1, resolution=32)
SEED = 0
OURS = {
    "lr": 1e-3,
    "betas": (0.9, 0.99),
    "batch_size": 64,
    "warmup": 0.02,
    "decay_from": 0.5,
    "clip": 1.0,
    "ema_decay": 0.999,
    "checkpoint_seconds": 1e9,
}


def run_ours(images: Images, seconds: float, n: int) -> tuple[np.ndarray, dict[str, float]]:
    """Train for as many images as fit the time, judged by a short run before; sample with 50 DDIM steps."""
    rate = train_ours(images, kimg=1.5)[1]["images_per_second"]
    weights, cost = train_ours(images, kimg=rate * seconds / 1000)
    networks = MODELS["unet"]().networks(SHAPE)
    for name, network in networks.items():
        network.load_state_dict({key.removeprefix(f"{name}."): value for key, value in weights.items()})
        network.to(memory_format=torch.channels_last)
    contender = Contender(networks, SAMPLERS["ddim"](steps=50), SHAPE, pick_device("cpu"))
    started = time.perf_counter()
    made = sample(contender, n, None, SEED)
    return made, cost | {"sample_seconds": time.perf_counter() - started}


def train_ours(images: Images, kimg: float) -> tuple[dict[str, torch.Tensor], dict[str, float]]:
    model, objective = MODELS["unet"](), OBJECTIVES["denoising"]()
    with tempfile.TemporaryDirectory() as checkpoints:
        trained = train(
            lambda: objective.objective(model.networks(SHAPE)),
            images,
            TrainingSettings(**OURS, kimg=kimg, device="cpu"),
            contender="ours",
            seed=SEED,
            fingerprint="benchmark",
            checkpoints=Path(checkpoints),
        )
    kept = ("parameters", "kimg", "train_seconds", "images_per_second")
    return trained.weights, {name: trained.cost[name] for name in kept}


def run_theirs(images: Images, seconds: float, n: int) -> tuple[np.ndarray, dict[str, float]]:
    """The package's own network, process and moving average, trained as its Trainer does."""
    torch.manual_seed(SEED)
    unet = Unet(dim=32, dim_mults=(1, 2, 4), channels=1)
    diffusion = GaussianDiffusion(unet, image_size=32, timesteps=1000, sampling_timesteps=50)
    optimiser = torch.optim.Adam(diffusion.parameters(), lr=3e-4, betas=(0.9, 0.99))
    average = EMA(diffusion, beta=0.995, update_every=10)
    pixels = torch.from_numpy(images.images).permute(0, 3, 1, 2)
    steps, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        chosen = torch.randint(len(pixels), (64,))
        loss = diffusion(pixels[chosen].float() / 255)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(diffusion.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        average.update()
        steps += 1
    cost = {
        "parameters": sum(parameter.numel() for parameter in diffusion.parameters()),
        "kimg": 64 * steps / 1000,
        "train_seconds": time.perf_counter() - started,
        "images_per_second": 64 * steps / (time.perf_counter() - started),
    }
    started = time.perf_counter()
    average.ema_model.eval()
    batches = [average.ema_model.sample(batch_size=min(64, n - first)) for first in range(0, n, 64)]
    made = to_uint8(torch.cat(batches) * 2 - 1)
    return made, cost | {"sample_seconds": time.perf_counter() - started}


CONTENDERS: dict[str, Callable[[Images, float, int], tuple[np.ndarray, dict[str, float]]]] = {
    "ours": run_ours,
    "theirs": run_theirs,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600.0, help="of training, for each")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--only", choices=CONTENDERS, help="run one of the two")
    parser.add_argument("--out", type=Path, default=Path("data/08_reporting/benchmarks/diffusion_vs_ddp"))
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)

    prepared = FashionMNIST(resolution=32).prepare()
    train_split, heldout = (
        Images(np.concatenate([part.images for part in split()]))
        for split in (prepared.train, prepared.heldout)
    )
    settings = EvaluationSettings()
    extractor = make_extractor(settings.extractor)
    reference = features(heldout.images[: chosen.samples], extractor, settings, chosen.out / "features")

    results = {}
    for name in [chosen.only] if chosen.only else CONTENDERS:
        made, cost = CONTENDERS[name](train_split, chosen.seconds, chosen.samples)
        image_grid(made[:64]).save(chosen.out / f"{name}.png")
        np.savez(chosen.out / f"{name}.npz", images=made)
        found = features(made, extractor, settings, chosen.out / "features")
        distance = frechet(found, reference, [np.arange(len(found))]).item()
        results[name] = {f"fd_{settings.extractor}_{chosen.samples}": distance} | cost
        print(json.dumps({"contender": name} | results[name]), flush=True)  # noqa: T201
    (chosen.out / "results.json").write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
