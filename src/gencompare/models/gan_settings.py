"""The settings of generative adversarial networks; what holds for all families stands in `settings.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from gencompare.config.typed import Depth, Fraction, Positive, PositiveFloat, settings
from gencompare.models.parts.shape import ImageShape
from gencompare.models.settings import Precision, check_labels, check_resolution

if TYPE_CHECKING:
    from torch import nn


@settings
class MLPGAN:
    """Two stacks of fully connected layers.

    Attributes:
        latent_dim: length of the latent vector.
        width: units of the hidden layer next to the latent vector or the logit; doubled at every layer
            towards the image.
        depth: hidden layers of each network.
        dropout: share of the discriminator's units dropped while training.
        precision: of the matrix products; auto is bfloat16 where that is fast.
    """

    latent_dim: Positive = 64
    width: Positive = 256
    depth: Annotated[int, Field(gt=0, le=16)] = 3
    dropout: Fraction = 0.3
    precision: Precision = "auto"

    def check(self, shape: ImageShape) -> None:
        check_resolution(shape, "mlp_gan")

    def networks(self, shape: ImageShape) -> dict[str, nn.Module]:
        from gencompare.models import mlp_gan

        return mlp_gan.networks(self, shape)


@settings
class DCGAN:
    """A generator of transposed convolutions against a discriminator of strided ones.

    Attributes:
        latent_dim: length of the latent vector.
        width: channels at half the final resolution; doubled at every halving down to 4 pixels.
        max_width: where the doubling stops, no less than `width`.
        critic_norm: normalisation in the discriminator: none for `wgan_gp`, its weights then drawn by He's rule.
        conditional: whether it takes the image set's labels: by conditional batch normalisation in the
            generator (arXiv:1610.07629), by projection in the discriminator (arXiv:1802.05637).
        precision: of the convolutions; auto is bfloat16 where that is fast.
    """

    latent_dim: Positive = 64
    width: Positive = 32
    max_width: Positive = 256
    critic_norm: Literal["batch", "none"] = "batch"
    conditional: bool = False
    precision: Precision = "auto"

    def check(self, shape: ImageShape) -> None:
        check_resolution(shape, "dcgan")
        check_labels(shape, self.conditional)

    def networks(self, shape: ImageShape) -> dict[str, nn.Module]:
        from gencompare.models import dcgan

        return dcgan.networks(self, shape)


@settings
class UpsampleDCGAN:
    """A fully convolutional generator and discriminator without batch statistics or dense layers.

    Attributes:
        latent_dim: length of the latent vector.
        width: channels at half the final resolution; doubled at every halving down to 4 pixels.
        max_width: where the doubling stops, no less than `width`.
        residual: which networks have residual blocks where the others have one convolution.
        precision: of the convolutions; auto is bfloat16 where that is fast.
    """

    latent_dim: Positive = 64
    width: Positive = 32
    max_width: Positive = 256
    residual: Literal["none", "generator", "both"] = "none"
    precision: Precision = "auto"

    def check(self, shape: ImageShape) -> None:
        check_resolution(shape, "dcgan_upsample")

    def networks(self, shape: ImageShape) -> dict[str, nn.Module]:
        from gencompare.models import dcgan_upsample

        return dcgan_upsample.networks(self, shape)


@settings
class ResNetGAN:
    """Residual blocks that double the side against residual blocks that halve it.

    Attributes:
        latent_dim: length of the latent vector.
        width: channels at the final resolution; doubled at every halving down to 4 pixels.
        max_width: where the doubling stops, no less than `width`. The paper has 128 for both.
        attention: sides of the feature maps that have self-attention, in both networks, where they occur.
        critic_norm: normalisation of the discriminator's weights: none for `wgan_gp`, spectral for `hinge`.
        precision: of its convolutions and matrix products; auto is bfloat16 where that is fast.
        conditional: whether it takes the image set's labels: by conditional batch normalisation in the
            generator, by projection in the discriminator.
    """

    latent_dim: Positive = 128
    width: Positive = 128
    max_width: Positive = 128
    attention: tuple[Positive, ...] = ()
    critic_norm: Literal["none", "spectral"] = "none"
    precision: Precision = "auto"
    conditional: bool = False

    def check(self, shape: ImageShape) -> None:
        check_resolution(shape, "resnet_gan")
        check_labels(shape, self.conditional)

    def networks(self, shape: ImageShape) -> dict[str, nn.Module]:
        from gencompare.models import resnet_gan

        return resnet_gan.networks(self, shape)


@settings
class R3GAN:
    """Residual blocks without normalisation, equally wide at every resolution (arXiv:2501.05441).

    Attributes:
        latent_dim: length of the latent vector.
        width: channels at every resolution, a multiple of 8; the paper has 768 on CIFAR-10.
        blocks: residual blocks at each resolution.
        conditional: whether it takes the image set's labels: beside the latent vector in the generator, by
            projection in the discriminator.
        precision: of the convolutions; auto is bfloat16 where that is fast.
    """

    latent_dim: Positive = 64
    width: Annotated[Positive, Field(multiple_of=8)] = 32
    blocks: Depth = 1
    conditional: bool = False
    precision: Precision = "auto"

    def check(self, shape: ImageShape) -> None:
        check_resolution(shape, "r3gan")
        check_labels(shape, self.conditional)

    def networks(self, shape: ImageShape) -> dict[str, nn.Module]:
        from gencompare.models import r3gan

        return r3gan.networks(self, shape)


@settings
class ProgressiveGAN:
    """A generator and a critic that mirror each other and grow together.

    Attributes:
        latent_dim: length of the latent vector.
        width: channels at the final resolution; doubled at every halving down to 4 pixels.
        max_width: where the doubling stops, no less than `width`.
        growth: share of the budget after which the final resolution is faded in. Until then all phases, fading
            or stable, are equally long.
        lr_scales: factors on the learning rate, by resolution; 1 where none is given.
        fade: whether new resolutions are faded in; without, they are there at once.
        transfer: whether a new resolution goes on from the weights of the one before; without, both networks start
            anew with each, and their averages soon forget what was before.
        conditional: whether it takes the image set's labels.
        precision: of the convolutions; auto is bfloat16 where that is fast.
    """

    latent_dim: Positive = 128
    width: Positive = 16
    max_width: Positive = 128
    growth: Annotated[float, Field(gt=0, lt=1)] = 0.6
    lr_scales: dict[Positive, PositiveFloat] = Field(default_factory=lambda: {128: 1.5})
    fade: bool = True
    transfer: bool = True
    conditional: bool = False
    precision: Precision = "auto"

    def check(self, shape: ImageShape) -> None:
        check_resolution(shape, "progressive_gan")
        check_labels(shape, self.conditional)

    def networks(self, shape: ImageShape) -> dict[str, nn.Module]:
        from gencompare.models import progressive_gan

        return progressive_gan.networks(self, shape)
