"""Our diffusion contenders against denoising-diffusion-pytorch: the same images, seconds and machine.

All learn FashionMNIST at 32x32 for the same time, then make samples that are scored alike against the
held-out split. Run it on an otherwise idle machine, from the project folder:

    pip install '.[benchmarks]'
    python benchmarks/diffusion_vs_ddp.py --seconds 600 --contenders theirs ddpm_clothes

It prints one line of JSON a contender and adds it to results.jsonl in --out, beside samples and a grid of them.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from denoising_diffusion_pytorch import GaussianDiffusion, Unet
from ema_pytorch import EMA
from fashion import KEPT, Scores, contender, make, splits, train_for
from safetensors.torch import save_file

from gencompare.imagesets.arrays import Images, to_uint8
from gencompare.sampling.images import balanced_labels


def train_theirs(images: Images, seconds: float) -> tuple[GaussianDiffusion, dict[str, float]]:
    """The package's own network, process and moving average, trained as its Trainer does."""
    torch.manual_seed(0)
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
    return average.ema_model.eval(), cost


def make_theirs(diffusion: GaussianDiffusion, n: int) -> np.ndarray:
    """Their own 50 DDIM steps, uint8 (n, H, W, C)."""
    batches = [diffusion.sample(batch_size=min(64, n - first)) for first in range(0, n, 64)]
    return to_uint8(torch.cat(batches) * 2 - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600.0, help="of training, for each")
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument(
        "--contenders", nargs="+", default=["theirs", "ddpm_clothes"], help="theirs, or names of ours"
    )
    parser.add_argument("--out", type=Path, default=Path("data/08_reporting/benchmarks/diffusion_vs_ddp"))
    chosen = parser.parse_args()

    train_split, heldout = splits()
    scores = Scores(train_split, heldout, chosen.samples, chosen.out)
    scores.add("real images", train_split.images[: chosen.samples], {})
    labels = balanced_labels(chosen.samples, classes=10)
    for name in chosen.contenders:
        if name == "theirs":
            diffusion, cost = train_theirs(train_split, chosen.seconds)
            started = time.perf_counter()
            made = make_theirs(diffusion, chosen.samples)
        else:
            one = contender(name)
            trained, sampler = train_for(name, one, train_split, chosen.seconds)
            cost = {key: trained.cost[key] for key in KEPT}
            save_file(trained.weights, chosen.out / f"{name}.safetensors")
            started = time.perf_counter()
            made = make(sampler, labels)
        seconds = {"sample_seconds": time.perf_counter() - started}
        asked = labels if name != "theirs" and one.model.conditional else None
        scores.add(name, made, cost | seconds, asked)


if __name__ == "__main__":
    main()
