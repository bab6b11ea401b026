"""The model zoo's settings, one class a family: what can be asked of it, checked before anything is trained.

The adversarial families' are in `gan_settings.py`.

`check(shape)` raises SettingError for images that the family cannot make, and warns of what has no effect on them.
`networks(shape)` gives fresh networks by name, initialised from torch's global generator. Nothing here imports torch
before it makes networks.

A family that is made of files beside its settings names them: `files()` gives their paths by name. What they hold then
counts as a setting does: with other ones, it is trained anew.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from gencompare.config.typed import Depth, Fraction, Positive, PositiveFloat, SettingError, settings
from gencompare.models.parts.shape import SMALLEST, ImageShape
from gencompare.models.parts.widths import HEAD_WIDTH

if TYPE_CHECKING:
    from torch import nn

logger = logging.getLogger(__name__)

Precision = Literal["auto", "bfloat16", "float32"]
Prediction = Literal["epsilon", "velocity", "dual"]
ProcessName = Literal["cosine", "flow", "edm"]


def check_resolution(shape: ImageShape, model: str) -> None:
    """Refuse a resolution that the zoo's own families do not make.

    Raises:
        SettingError: with the resolutions that they make.
    """
    if shape.resolution not in (16, 32, 64, 128):
        raise SettingError(
            f"resolution={shape.resolution}: {model} makes 16, 32, 64, 128 pixels a side;"
            " set resolution to one of these"
        )


def check_labels(shape: ImageShape, conditional: bool) -> None:
    """Refuse to condition on labels that the image set does not have.

    Raises:
        SettingError: naming the setting.
    """
    if conditional and not shape.classes:
        raise SettingError("model.conditional=True: the image set has no labels; set conditional to false")


@cache
def _say_once(warning: str) -> None:
    logger.warning(warning)


@settings
class VAE:
    """A Gaussian encoder and a Gaussian decoder that mirror each other.

    Attributes:
        latent_dim: length of the latent vector.
        code: what a number of it describes: "vector", the whole image (dense layers); "map", one of 4 x 4 places
            and what is around it (convolutions). Dense layers for a thousand numbers learn far slower than all
            the rest; a map's do not, but its places are less aware of each other.
        width: channels at half the resolution; doubled at every halving down to 4 pixels.
        max_width: where the doubling stops, no less than `width`.
        precision: of the convolutions; auto is bfloat16 where that is fast.
    """

    latent_dim: Positive = 64
    code: Literal["vector", "map"] = "vector"
    width: Positive = 32
    max_width: Positive = 256
    precision: Precision = "auto"

    def check(self, shape: ImageShape) -> None:
        check_resolution(shape, "vae")
        places = SMALLEST**2
        if self.code == "map" and self.latent_dim % places:
            raise SettingError(
                f"model.latent_dim={self.latent_dim}: a code that is a map must be a multiple of {places} long"
            )

    def networks(self, shape: ImageShape) -> dict[str, nn.Module]:
        from gencompare.models import vae

        return vae.networks(self, shape)


@settings
class VQVAE:
    """An auto-encoder that says each place of an image by one of a few codes, and a transformer that writes codes.

    Attributes:
        side: codes an image has in each direction.
        codes: how many there are to choose from.
        code_dim: length of the vector that a code stands for.
        codebook_decay: of the running means that these vectors are.
        width: channels at half the resolution; doubled at every halving down to `side`.
        max_width: where the doubling stops, no less than `width`.
        prior_width: of the transformer, a multiple of 32.
        prior_depth: its blocks.
        prior_dropout: share of what its blocks add that is dropped while training.
        conditional: whether the prior takes the image set's labels.
        precision: of convolutions and matrix products; auto is bfloat16 where that is fast.
    """

    side: Positive = 8
    codes: Positive = 256
    code_dim: Positive = 16
    codebook_decay: Fraction = 0.99
    width: Annotated[Positive, Field(multiple_of=8)] = 32
    max_width: Annotated[Positive, Field(multiple_of=8)] = 256
    prior_width: Annotated[Positive, Field(multiple_of=HEAD_WIDTH)] = 128
    prior_depth: Depth = 4
    prior_dropout: Fraction = 0.0
    conditional: bool = False
    precision: Precision = "auto"

    def check(self, shape: ImageShape) -> None:
        check_resolution(shape, "vq_vae")
        if self.side * 2 ** shape.halvings_to(self.side) != shape.resolution or self.side == shape.resolution:
            raise SettingError(
                f"model.side={self.side}: the resolution {shape.resolution} must be 2, 4, 8, ... times as large"
            )
        check_labels(shape, self.conditional)

    def networks(self, shape: ImageShape) -> dict[str, nn.Module]:
        from gencompare.models import vq_vae

        return vq_vae.networks(self, shape)


@settings
class UNet:
    """A denoising U-Net and the diffusion process it serves.

    Attributes:
        patch: side of the pixel blocks folded into channels before the first convolution: a power of two.
        widths: channels of each level; each level halves the side.
        blocks: residual blocks a level, on the way down and on the way up; each pair shares a skip.
        attention: sides of the feature maps that have self-attention after each block, where they occur.
        dropout: share of channels dropped inside residual blocks while training.
        process: how images turn into noise: "cosine" diffusion, "flow" matching (straight lines, arXiv:2209.03003)
            or "edm" (arXiv:2206.00364, preconditioned); see `models/parts/diffusion.py`.
        timesteps: how finely the process is divided.
        shift: factor on its signal-to-noise amplitude (see `alpha_bars`).
        prediction: what the network predicts (see `Denoiser`).
        conditional: whether it takes the image set's labels.
        precision: of its convolutions and matrix products; auto is bfloat16 where that is fast.
    """

    patch: Positive = 2
    widths: Annotated[tuple[Positive, ...], Field(min_length=1)] = (32, 64, 96)
    blocks: Depth = 1
    attention: tuple[Positive, ...] = (4,)
    dropout: Fraction = 0.0
    process: ProcessName = "cosine"
    timesteps: Positive = 1000
    shift: PositiveFloat = 1.0
    prediction: Prediction = "velocity"
    conditional: bool = False
    precision: Precision = "auto"

    def check(self, shape: ImageShape) -> None:
        check_resolution(shape, "unet")
        smallest = self.patch * 2 ** (len(self.widths) - 1)
        if shape.resolution % smallest:
            raise SettingError(
                f"model.patch={self.patch} and {len(self.widths)} widths: the resolution {shape.resolution} must be"
                f" a multiple of {smallest}; use fewer widths, or a patch that is a power of two and small enough"
            )
        if any(width % 8 for width in self.widths):
            raise SettingError(f"model.widths={self.widths}: each must be a multiple of 8")
        if self.process == "flow" and self.prediction == "epsilon":
            raise SettingError(
                "model.prediction='epsilon': from pure noise eps says nothing of the image, and a flow starts there;"
                " use velocity or dual"
            )
        check_labels(shape, self.conditional)
        if self.attention and not set(self.attention) & set(self.sides(shape.resolution)):
            _say_once(
                f"model.attention={list(self.attention)}: a unet of {len(self.widths)} widths and patch {self.patch} "
                f"at {shape.resolution} pixels has maps of {', '.join(map(str, self.sides(shape.resolution)))} a side, "
                "so that it has no attention; give one of them, or more widths"
            )

    def sides(self, resolution: int) -> list[int]:
        """Of its feature maps, level by level."""
        return [resolution // self.patch // 2**level for level in range(len(self.widths))]

    def networks(self, shape: ImageShape) -> dict[str, nn.Module]:
        from gencompare.models import unet

        return unet.networks(self, shape)
