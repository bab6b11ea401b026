"""What can be asked of a diffusion U-Net that was trained elsewhere, checked by its folder alone."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gencompare.config.typed import SettingError, settings
from gencompare.models.parts.shape import ImageShape
from gencompare.models.settings import Prediction

if TYPE_CHECKING:
    from torch import nn

WEIGHTS = "diffusion_pytorch_model.safetensors"
CONFIGS = ("unet/config.json", "scheduler/scheduler_config.json")
PREDICTIONS: dict[str, Prediction] = {"epsilon": "epsilon", "v_prediction": "velocity"}
"""What a U-Net of diffusers predicts, by its name there."""


@settings
class PretrainedUNet:
    """An unconditional diffusers pipeline folder, as `DDPMPipeline.save_pretrained` writes it.

    It needs the optional dependency `diffusers`. Weights are read from safetensors only, never from pickles.

    Attributes:
        folder: holds `unet/` (config.json, weights) and `scheduler/` (noise schedule, kind of prediction).
    """

    folder: str

    def files(self) -> dict[str, Path]:
        names = (f"unet/{WEIGHTS}", *CONFIGS)
        return {name: Path(self.folder) / name for name in names}

    def check(self, shape: ImageShape) -> None:
        if importlib.util.find_spec("diffusers") is None:
            raise SettingError(
                "model.name='pretrained_unet': needs diffusers; pip install 'gencompare[diffusers]'"
            )
        unet, scheduler = map(self._read, CONFIGS)
        predicted = scheduler.get("prediction_type", "epsilon")
        multiple = 2 ** (len(unet.get("block_out_channels", [])) - 1)
        faults = {
            f"has no unet/{WEIGHTS}; other formats are not read: save it again with"
            " save_pretrained(folder, safe_serialization=True)": (
                not (Path(self.folder) / "unet" / WEIGHTS).is_file()
            ),
            f"its U-Net is a {unet.get('_class_name')}, not a UNet2DModel": unet.get("_class_name")
            != "UNet2DModel",
            "its U-Net takes class labels, which is not supported": unet.get("num_class_embeds") is not None,
            f"its U-Net makes {unet.get('out_channels')} channels, and the images have {shape.channels}": (
                unet.get("out_channels") != shape.channels
            ),
            f"its U-Net needs a resolution that is a multiple of {multiple}, not {shape.resolution}": (
                shape.resolution % multiple != 0
            ),
            f"prediction_type {predicted!r} is not supported; known: {', '.join(PREDICTIONS)}": (
                predicted not in PREDICTIONS
            ),
        }
        for fault, present in faults.items():
            if present:
                raise SettingError(f"model.folder={self.folder!r}: {fault}")

    def networks(self, shape: ImageShape) -> dict[str, nn.Module]:
        from gencompare.models import pretrained

        self.check(shape)
        return pretrained.networks(self)

    def _read(self, name: str) -> dict[str, Any]:
        try:
            return json.loads((Path(self.folder) / name).read_text())
        except (OSError, ValueError) as error:
            raise SettingError(
                f"model.folder={self.folder!r}: {name} cannot be read ({error}); give the folder that"
                " DDPMPipeline.save_pretrained wrote"
            ) from None
