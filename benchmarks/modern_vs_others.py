"""Flow, EDM and R3GAN against the DDPM, denoising-diffusion-pytorch and torchcfm: the same images, seconds, machine.

All learn FashionMNIST at 32x32 for the same time, then make samples that are scored alike against the held-out
split. Run it on an otherwise idle machine, from the project folder:

    pip install '.[benchmarks]'
    python benchmarks/modern_vs_others.py --seconds 600 --samples 2000 --seeds 0 1 2 --contenders flow_clothes edm_clothes
    python benchmarks/modern_vs_others.py --seconds 600 --samples 2000 --contenders dcgan_r3gan_clothes r3gan ddpm_clothes ddp torchcfm

It prints one line of JSON a contender and seed and adds it to results.jsonl in --out, beside samples and grids.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from fashion import KEPT, Scores, contender, make, splits, train_for
from safetensors.torch import save_file

from gencompare.imagesets.arrays import Images, to_network, to_uint8
from gencompare.sampling.images import balanced_labels

EULER_STEPS = 100


def train_torchcfm(images: Images, seconds: float, seed: int) -> tuple[torch.nn.Module, dict[str, float]]:
    """torchcfm's own MNIST example: its UNetModel, exact optimal transport, Adam's defaults, batches of 128."""
    from torchcfm.conditional_flow_matching import ExactOptimalTransportConditionalFlowMatcher
    from torchcfm.models.unet import UNetModel

    torch.manual_seed(seed)
    network = UNetModel(dim=(1, 32, 32), num_channels=32, num_res_blocks=1)
    matcher = ExactOptimalTransportConditionalFlowMatcher(sigma=0.0)
    optimiser = torch.optim.Adam(network.parameters())
    steps, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        chosen = np.random.default_rng([seed, steps]).integers(len(images), size=128)
        data = to_network(images.images[chosen])
        times, noisy, velocity = matcher.sample_location_and_conditional_flow(torch.randn_like(data), data)
        optimiser.zero_grad()
        (network(times, noisy) - velocity).square().mean().backward()
        optimiser.step()
        steps += 1
    spent = time.perf_counter() - started
    cost = {
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "kimg": 128 * steps / 1000,
        "train_seconds": spent,
        "images_per_second": 128 * steps / spent,
    }
    return network.eval(), cost


@torch.inference_mode()
def make_torchcfm(network: torch.nn.Module, n: int, seed: int) -> np.ndarray:
    """Samples by Euler's method, uint8 (n, H, W, C)."""
    torch.manual_seed(seed)
    made = []
    for first in range(0, n, 64):
        x = torch.randn(min(64, n - first), 1, 32, 32)
        for step in range(EULER_STEPS):
            x = x + network(torch.full((len(x),), step / EULER_STEPS), x) / EULER_STEPS
        made.append(to_uint8(x))
    return np.concatenate(made)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600.0, help="of training, for each")
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--contenders", nargs="+", default=["flow_clothes"], help="ddp, torchcfm, or ours")
    parser.add_argument("--out", type=Path, default=Path("data/08_reporting/benchmarks/modern"))
    chosen = parser.parse_args()

    train_split, heldout = splits()
    scores = Scores(train_split, heldout, chosen.samples, chosen.out)
    scores.add("real images", train_split.images[: chosen.samples], {})
    labels = balanced_labels(chosen.samples, classes=10)
    for name in chosen.contenders:
        for seed in chosen.seeds:
            label = f"{name}_seed{seed}"
            if name == "torchcfm":
                network, cost = train_torchcfm(train_split, chosen.seconds, seed)
                started = time.perf_counter()
                made = make_torchcfm(network, chosen.samples, seed)
            elif name == "ddp":
                from diffusion_vs_ddp import make_theirs, train_theirs

                diffusion, cost = train_theirs(train_split, chosen.seconds)
                started = time.perf_counter()
                made = make_theirs(diffusion, chosen.samples)
            else:
                one = contender(name)
                trained, sampler = train_for(name, one, train_split, chosen.seconds, seed)
                cost = {key: trained.cost[key] for key in KEPT}
                save_file(trained.weights, chosen.out / f"{label}.safetensors")
                started = time.perf_counter()
                made = make(sampler, labels)
            scores.add(label, made, cost | {"sample_seconds": time.perf_counter() - started})


if __name__ == "__main__":
    main()
