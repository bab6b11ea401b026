"""A diffusion U-Net that was trained elsewhere: a Hugging Face diffusers `UNet2DModel` in a folder."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gencompare.config.typed import SettingError, settings
from gencompare.models.diffusion import Denoiser, Prediction
from gencompare.models.shape import ImageShape

WEIGHTS = "diffusion_pytorch_model.safetensors"
PREDICTIONS: dict[str, Prediction] = {"epsilon": "epsilon", "v_prediction": "velocity"}


@settings
class PretrainedUNet:
    """An unconditional diffusers pipeline folder, as `DDPMPipeline.save_pretrained` writes it.

    It needs the optional dependency `diffusers`. Weights are read from safetensors only, never from pickles.

    Attributes:
        folder: holds `unet/` (config.json, weights) and `scheduler/` (noise schedule, kind of prediction).
    """

    folder: str

    def check(self, shape: ImageShape) -> None:
        if importlib.util.find_spec("diffusers") is None:
            raise SettingError(
                "model.name='pretrained_unet': needs diffusers; pip install 'gencompare[diffusers]'"
            )
        unet, scheduler = self._config("unet/config.json"), self._config("scheduler/scheduler_config.json")
        if not (Path(self.folder) / "unet" / WEIGHTS).is_file():
            raise SettingError(
                f"model.folder={self.folder!r}: has no unet/{WEIGHTS}; other formats are not read:"
                " save it again with save_pretrained(folder, safe_serialization=True)"
            )
        self._check_unet(unet, shape)
        if scheduler.get("prediction_type", "epsilon") not in PREDICTIONS:
            raise SettingError(
                f"model.folder={self.folder!r}: prediction_type {scheduler['prediction_type']!r} is not"
                f" supported; known: {', '.join(PREDICTIONS)}"
            )

    def networks(self, shape: ImageShape) -> dict[str, nn.Module]:
        from diffusers import DDPMScheduler, UNet2DModel

        self.check(shape)
        folder = Path(self.folder)
        unet = UNet2DModel.from_pretrained(folder / "unet", use_safetensors=True, local_files_only=True)
        scheduler = DDPMScheduler.from_pretrained(folder / "scheduler", local_files_only=True)
        alpha_bar = torch.cat([torch.ones(1), scheduler.alphas_cumprod]).double()
        prediction = PREDICTIONS[scheduler.config.prediction_type]
        return {"denoiser": Denoiser(DiffusersBackbone(unet), alpha_bar=alpha_bar, prediction=prediction)}

    def _config(self, name: str) -> dict[str, Any]:
        try:
            return json.loads((Path(self.folder) / name).read_text())
        except (OSError, ValueError) as error:
            raise SettingError(
                f"model.folder={self.folder!r}: {name} cannot be read ({error}); give the folder that"
                " DDPMPipeline.save_pretrained wrote"
            ) from None

    def _check_unet(self, config: dict[str, Any], shape: ImageShape) -> None:
        multiple = 2 ** (len(config.get("block_out_channels", [])) - 1)
        faults = {
            f"is a {config.get('_class_name')}, not a UNet2DModel": config.get("_class_name")
            != "UNet2DModel",
            "takes class labels, which is not supported": config.get("num_class_embeds") is not None,
            f"makes {config.get('out_channels')} channels, and the images have {shape.channels}": (
                config.get("out_channels") != shape.channels
            ),
            f"needs a resolution that is a multiple of {multiple}, not {shape.resolution}": (
                shape.resolution % multiple != 0
            ),
        }
        for fault, present in faults.items():
            if present:
                raise SettingError(f"model.folder={self.folder!r}: its U-Net {fault}")


class DiffusersBackbone(nn.Module):
    """A `UNet2DModel` called as a `Denoiser` calls its backbone."""

    def __init__(self, unet: nn.Module) -> None:
        super().__init__()
        self.unet = unet

    def forward(self, noisy: Tensor, step: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.unet(noisy, step).sample
