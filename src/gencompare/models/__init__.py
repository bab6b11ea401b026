"""The model zoo: a settings class for each family in `settings.py`, its networks in a file of its own.

A generator of images derives from `LatentModel`, a diffusion network is a `Denoiser` (both in `parts`).
"""

from gencompare.models.settings import (
    DCGAN,
    MLPGAN,
    VAE,
    PretrainedUNet,
    ProgressiveGAN,
    ResNetGAN,
    UNet,
    UpsampleDCGAN,
)

MODELS: dict[str, type] = {
    "mlp_gan": MLPGAN,
    "dcgan": DCGAN,
    "dcgan_upsample": UpsampleDCGAN,
    "resnet_gan": ResNetGAN,
    "progressive_gan": ProgressiveGAN,
    "vae": VAE,
    "unet": UNet,
    "pretrained_unet": PretrainedUNet,
}
