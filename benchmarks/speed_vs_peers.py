"""Images a second of training and sampling against denoising-diffusion-pytorch, diffusers and pythae: equal networks.

Each peer's own network is trained by its own code and by the project's loop, and sampled by both, in turns.

    pip install '.[dev,benchmarks]'
    python -W ignore benchmarks/speed_vs_peers.py

It prints a table: medians over turns, images a second of one core's time.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import tempfile
import time
from abc import ABC, abstractmethod
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from turns import SEED, in_turns, load, say, whole_rows

from gencompare.imagesets.arrays import Images, levels_to_network
from gencompare.imagesets.squares import Squares
from gencompare.models.parts.diffusion import PROCESSES, Denoiser
from gencompare.models.parts.shape import ImageShape
from gencompare.models.pretrained import DiffusersBackbone
from gencompare.models.settings import VAE
from gencompare.objectives.base import Objective
from gencompare.objectives.settings import Denoising, Elbo
from gencompare.sampling.base import Sampler
from gencompare.sampling.images import sample
from gencompare.sampling.settings import DDIM, Latent
from gencompare.training.settings import TrainingSettings

SHAPE = ImageShape(channels=3, resolution=32)
SAMPLER_STEPS = 20
SAMPLES = 16


class Peer(ABC):
    """A network, trained and sampled by a peer's code and by the project's.

    Attributes:
        name: of the peer.
        settings: of the project's training, as the peer trains.
        steps_a_turn: how many steps each takes before it is the other's turn.
        samples: how many are made in one turn.
    """

    name: str
    settings: TrainingSettings
    steps_a_turn: int
    samples: int = SAMPLES

    def __init__(self, images: Images) -> None:
        self.images = images
        self.levels = torch.from_numpy(images.images)

    @abstractmethod
    def objective(self) -> Objective:
        """Make the project's objective with a fresh network like the peer's."""

    @abstractmethod
    def sampler(self, objective: Objective) -> Sampler:
        """Make the project's sampler of an objective's network."""

    @abstractmethod
    def train(self, begin: int, end: int) -> None:
        """Take steps as the peer does."""

    @abstractmethod
    def sample(self) -> None:
        """Make `samples` images as the peer does."""

    def batch(self) -> Tensor:
        """Draw images, float32 (N, C, H, W) in [-1, 1]."""
        return levels_to_network(self.levels[torch.randint(len(self.levels), (self.settings.batch_size,))])


class DenoisingDiffusionPytorch(Peer):
    """lucidrains' `Unet`, trained as his `Trainer` does."""

    name = "denoising-diffusion-pytorch"
    settings = TrainingSettings(
        batch_size=16,
        lr=3e-4,
        betas=(0.9, 0.99),
        clip_norm=1.0,
        ema_decay=0.995,
        decay_from=1.0,
        channels_last=False,
    )
    steps_a_turn = 4

    def unet(self) -> nn.Module:
        from denoising_diffusion_pytorch import Unet

        return Unet(dim=16, dim_mults=(1, 2, 4), channels=3)

    def objective(self) -> Objective:
        return _denoising(self.unet())

    def sampler(self, objective: Objective) -> Sampler:
        return DDIM(steps=SAMPLER_STEPS).sampler(objective.networks, SHAPE, {})

    @cached_property
    def diffusion(self) -> nn.Module:
        from denoising_diffusion_pytorch import GaussianDiffusion

        return GaussianDiffusion(
            self.unet(),
            image_size=SHAPE.resolution,
            timesteps=1000,
            sampling_timesteps=SAMPLER_STEPS,
            objective="pred_noise",
        )

    @cached_property
    def parts(self) -> tuple[torch.optim.Optimizer, nn.Module]:
        from ema_pytorch import EMA

        optimiser = torch.optim.Adam(self.diffusion.parameters(), lr=3e-4, betas=(0.9, 0.99))
        return optimiser, EMA(self.diffusion, beta=0.995, update_every=10)

    def train(self, begin: int, end: int) -> None:
        optimiser, average = self.parts
        for _ in range(begin, end):
            loss = self.diffusion(0.5 * (self.batch() + 1.0))
            loss.backward()
            nn.utils.clip_grad_norm_(self.diffusion.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad()
            average.update()

    def sample(self) -> None:
        with contextlib.redirect_stderr(open(os.devnull, "w")):  # its progress bar
            self.diffusion.sample(batch_size=self.samples)


class Diffusers(Peer):
    """Hugging Face's `UNet2DModel`, trained as its example train_unconditional.py does."""

    name = "diffusers"
    settings = TrainingSettings(
        batch_size=16,
        lr=1e-4,
        betas=(0.95, 0.999),
        clip_norm=1.0,
        ema_decay=0.9999,
        decay_from=1.0,
        channels_last=False,
    )
    steps_a_turn = 4

    def unet(self) -> nn.Module:
        from diffusers import UNet2DModel

        return UNet2DModel(
            sample_size=SHAPE.resolution,
            in_channels=3,
            out_channels=3,
            layers_per_block=1,
            block_out_channels=(32, 64),
            down_block_types=("DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D"),
            norm_num_groups=8,
        )

    def objective(self) -> Objective:
        return _denoising(DiffusersBackbone(self.unet()))

    def sampler(self, objective: Objective) -> Sampler:
        return DDIM(steps=SAMPLER_STEPS).sampler(objective.networks, SHAPE, {})

    @cached_property
    def network(self) -> nn.Module:
        return self.unet()

    @cached_property
    def parts(self) -> tuple[torch.optim.Optimizer, object, object]:
        from diffusers import DDPMScheduler
        from diffusers.training_utils import EMAModel

        optimiser = torch.optim.AdamW(self.network.parameters(), lr=1e-4, betas=(0.95, 0.999))
        average = EMAModel(self.network.parameters(), decay=0.9999, use_ema_warmup=True)
        return optimiser, average, DDPMScheduler(num_train_timesteps=1000)

    def train(self, begin: int, end: int) -> None:
        optimiser, average, schedule = self.parts
        for _ in range(begin, end):
            clean = self.batch()
            noise, steps = torch.randn_like(clean), torch.randint(0, 1000, (len(clean),))
            noisy = schedule.add_noise(clean, noise, steps)
            F.mse_loss(self.network(noisy, steps).sample, noise).backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad()
            average.step(self.network.parameters())

    @cached_property
    def pipeline(self) -> object:
        from diffusers import DDIMPipeline, DDIMScheduler

        made = DDIMPipeline(unet=self.network, scheduler=DDIMScheduler(num_train_timesteps=1000))
        made.set_progress_bar_config(disable=True)
        return made

    def sample(self) -> None:
        self.pipeline(batch_size=self.samples, num_inference_steps=SAMPLER_STEPS, output_type="np")


class Pythae(Peer):
    """pythae's `VAE` and `BaseTrainer`, around the project's encoder and decoder. It keeps no averages."""

    name = "pythae"
    settings = TrainingSettings(
        batch_size=64, lr=1e-3, betas=(0.9, 0.999), decay_from=1.0, channels_last=False
    )
    steps_a_turn = 8
    samples = 1024

    def objective(self) -> Objective:
        return Elbo(beta=1.0).objective(VAE(latent_dim=16, precision="float32").networks(SHAPE))

    def sampler(self, objective: Objective) -> Sampler:
        return Latent().sampler(objective.networks, SHAPE, {})

    @cached_property
    def model(self) -> nn.Module:
        from pythae.models import VAE as Model
        from pythae.models import VAEConfig
        from pythae.models.base.base_utils import ModelOutput
        from pythae.models.nn import BaseDecoder, BaseEncoder

        network = VAE(latent_dim=16, precision="float32").networks(SHAPE)["vae"]

        class Encoder(BaseEncoder):
            def __init__(self) -> None:
                super().__init__()
                self.layers = network.encoder

            def forward(self, images: Tensor) -> ModelOutput:
                mean, log_variance = self.layers(images).flatten(1).chunk(2, dim=1)
                return ModelOutput(embedding=mean, log_covariance=log_variance)

        class Decoder(BaseDecoder):
            def __init__(self) -> None:
                super().__init__()
                self.layers = network.decoder

            def forward(self, latent: Tensor) -> ModelOutput:
                return ModelOutput(reconstruction=self.layers(latent[:, :, None, None]))

        config = VAEConfig(input_dim=(3, SHAPE.resolution, SHAPE.resolution), latent_dim=16)
        return Model(config, encoder=Encoder(), decoder=Decoder())

    @cached_property
    def trainer(self) -> object:
        from pythae.data.datasets import BaseDataset
        from pythae.trainers import BaseTrainer, BaseTrainerConfig

        for name in (name for name in logging.root.manager.loggerDict if name.startswith("pythae")):
            logging.getLogger(name).setLevel(logging.ERROR)
        self.folder = tempfile.TemporaryDirectory()
        data = levels_to_network(self.levels[: self.steps_a_turn * self.settings.batch_size])
        config = BaseTrainerConfig(
            output_dir=self.folder.name,
            per_device_train_batch_size=self.settings.batch_size,
            num_epochs=1,
            learning_rate=1e-3,
            no_cuda=True,
            seed=SEED,
        )
        made = BaseTrainer(self.model, BaseDataset(data, torch.zeros(len(data))), training_config=config)
        made.prepare_training()
        made.callback_handler.callbacks.clear()  # its progress bar
        return made

    def train(self, begin: int, end: int) -> None:
        self.trainer.train_step(epoch=1 + begin // self.steps_a_turn)

    def sample(self) -> None:
        from pythae.samplers import NormalSampler

        NormalSampler(self.model).sample(num_samples=self.samples, batch_size=64)


PEERS = {peer.name: peer for peer in (DenoisingDiffusionPytorch, Diffusers, Pythae)}


def _denoising(backbone: nn.Module) -> Objective:
    denoiser = Denoiser(backbone, process=PROCESSES["cosine"](1000, 1.0), prediction="epsilon")
    return Denoising().objective({"denoiser": denoiser})


def sampled(peer: Peer, turns: int) -> tuple[np.ndarray, np.ndarray]:
    """Seconds of the processor that making the samples takes ours and theirs, each float64 (turns,)."""
    sampler, taken = peer.sampler(peer.objective()), ([], [])
    sampler.batch = min(peer.samples, sampler.batch)  # as many at once as theirs
    for turn in range(turns + 1):
        for seconds, make in zip(
            taken, (lambda: sample(sampler, peer.samples, None, SEED), peer.sample), strict=True
        ):
            started = time.process_time()
            with torch.inference_mode():
                make()
            if turn:  # the first warms up
                seconds.append(time.process_time() - started)
    return np.array(taken[0]), np.array(taken[1])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), default=list(PEERS))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    images = Squares(count=5000).draw("train", 0, 5000)
    say("| peer | | images/s, theirs | gencompare | times as many | quartiles |")
    say("| --- | --- | --- | --- | --- | --- |")
    for name in asked.peers:
        torch.manual_seed(SEED)
        peer = PEERS[name](images)
        settings = whole_rows(peer.settings, asked.turns + 1, peer.steps_a_turn)
        turns = in_turns(peer.objective, images, settings, peer.train)
        _say_row(name, "training", peer.steps_a_turn * settings.batch_size, turns.ours, turns.other)
        _say_row(name, "sampling", peer.samples, *sampled(peer, max(3, asked.turns // 3)))
    say(f"\n{asked.turns} turns, 1 thread, {load()}")


def _say_row(name: str, what: str, images: int, ours: np.ndarray, theirs: np.ndarray) -> None:
    middle, low, high = np.percentile(theirs / ours, [50, 25, 75])
    speeds = f"{images / np.median(theirs):,.0f} | {images / np.median(ours):,.0f}"
    say(f"| {name} | {what} | {speeds} | {middle:.2f} | {low:.2f} to {high:.2f} |")


if __name__ == "__main__":
    main()
