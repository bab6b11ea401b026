"""The model zoo: a settings class for each family in `settings.py`, its networks in a file of its own.

A generator of images derives from `LatentModel`, a diffusion network is a `Denoiser` (both in `parts`).
"""

from gencompare.models import pretrained_settings, settings

MODELS: dict[str, type] = {
    "mlp_gan": settings.MLPGAN,
    "dcgan": settings.DCGAN,
    "dcgan_upsample": settings.UpsampleDCGAN,
    "resnet_gan": settings.ResNetGAN,
    "r3gan": settings.R3GAN,
    "progressive_gan": settings.ProgressiveGAN,
    "vae": settings.VAE,
    "vq_vae": settings.VQVAE,
    "unet": settings.UNet,
    "pretrained_unet": pretrained_settings.PretrainedUNet,
}
