"""A diffusion U-Net that was trained elsewhere: a Hugging Face diffusers `UNet2DModel` in a folder."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from gencompare.models.parts.diffusion import Denoiser, variance_preserving
from gencompare.models.pretrained_settings import PREDICTIONS, PretrainedUNet


def networks(config: PretrainedUNet) -> dict[str, nn.Module]:
    """The denoiser in a folder, with its weights and its noise schedule."""
    from diffusers import DDPMScheduler, UNet2DModel

    folder = Path(config.folder)
    unet = UNet2DModel.from_pretrained(folder / "unet", use_safetensors=True, local_files_only=True)
    scheduler = DDPMScheduler.from_pretrained(folder / "scheduler", local_files_only=True)
    process = variance_preserving(torch.cat([torch.ones(1), scheduler.alphas_cumprod]).double())
    prediction = PREDICTIONS[scheduler.config.prediction_type]
    return {"denoiser": Denoiser(DiffusersBackbone(unet), process=process, prediction=prediction)}


class DiffusersBackbone(nn.Module):
    """A `UNet2DModel` called as a `Denoiser` calls its backbone."""

    def __init__(self, unet: nn.Module) -> None:
        super().__init__()
        self.unet = unet

    def forward(self, noisy: Tensor, step: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.unet(noisy, step).sample
