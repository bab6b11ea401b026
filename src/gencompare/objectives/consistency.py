"""Consistency by tuning a denoiser (ECT: Geng et al. 2024, arXiv:2406.14548)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from gencompare.config.typed import SettingError
from gencompare.objectives.base import Batch
from gencompare.objectives.denoising import DenoisingObjective, drawn_steps
from gencompare.objectives.settings import Consistency

SHARPNESS = 8.0
"""k of the paper's mapping from t to r: the less noise, the farther its pairs are apart."""


def earlier_steps(ratios: Tensor, step: Tensor, halvings: float) -> Tensor:
    """The less noisy step of each pair, int64 (N,): r = t (1 - (1 + 8 sigmoid(-t)) / 2^(halvings + 1)), below t.

    ECT's mapping from t to r, on a process's own steps.

    Args:
        ratios: sigma / alpha of every step, float32 (timesteps + 1,), rising from 0.
        step: the noisier one of each pair, int64 (N,) in 1 .. timesteps.
    """
    t = ratios[step]
    r = t * (1.0 - (1.0 + SHARPNESS * torch.sigmoid(-t)) / 2.0 ** (halvings + 1)).clamp(min=0.0)
    nearest = torch.bucketize(r, (ratios[1:-1] + ratios[:-2]) / 2.0)
    return torch.minimum(nearest, step - 1)


class ConsistencyObjective(DenoisingObjective):
    """`denoising` for the teacher's share of the budget, then consistency between two steps of one path.

    Raises:
        SettingError: for a process whose last step is all noise, such as a flow's: infinitely far from the others, it
            has no weight in the loss, and every sample starts there.
    """

    name = "consistency"
    config: Consistency

    def __init__(self, networks: Mapping[str, nn.Module], config: Consistency) -> None:
        super().__init__(networks, config)
        if self.denoiser.process.alpha[-1] == 0.0:
            raise SettingError(
                "objective.name='consistency': the model's process ends in nothing but noise, from where no two steps are"
                " tuned to agree; set model.process to edm or cosine"
            )
        self.tuning = False

    def advance(self, progress: float) -> bool:
        before, self.tuning = self.tuning, progress >= self.config.teacher
        left = 2.0 * (1.0 - progress / self.config.teacher)  # of the second half of the teacher's share
        self.lr_scale = self.config.lr_scale if self.tuning else min(1.0, left)
        return self.tuning != before

    def step(self, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        if not self.tuning:
            yield from super().step(batch)
            return
        images, denoiser = batch.images, self.denoiser
        tuned = (batch.progress - self.config.teacher) / (1.0 - self.config.teacher)
        ratios = denoiser.sigma / denoiser.alpha
        step = drawn_steps(denoiser, len(images), self.config.tuning_noise)
        earlier = earlier_steps(ratios, step, int(tuned * (self.config.halvings + 1)))
        noise, labels = torch.randn_like(images), self._labels(batch.labels)
        gap = self.gap(images, noise, step, earlier, labels)
        yield "denoiser", (gap / (ratios[step] - ratios[earlier])).mean()

    def gap(
        self, images: Tensor, noise: Tensor, step: Tensor, earlier: Tensor, labels: Tensor | None
    ) -> Tensor:
        """How far apart the images are that are foreseen at two steps of one path, dropout alike: (N,)."""
        cuda = [images.device] if images.device.type == "cuda" else []
        with torch.random.fork_rng(devices=cuda), torch.no_grad():
            wanted = self._foreseen(images, noise, earlier, labels)
        made = self._foreseen(images, noise, step, labels)
        return torch.linalg.vector_norm((made - wanted).flatten(1), dim=1)

    def _foreseen(self, images: Tensor, noise: Tensor, step: Tensor, labels: Tensor | None) -> Tensor:
        noisy_step = step.clamp(min=1)
        noisy = self.denoiser.diffuse(images, noisy_step, noise)
        clean = self.denoiser.clean(noisy, noisy_step, self.denoiser(noisy, noisy_step, labels))
        return torch.where((step == 0)[:, None, None, None], images, clean)
