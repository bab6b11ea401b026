"""The model zoo: a settings class for each family in a `*settings.py`, its networks in a file of its own.

A generator of images derives from `LatentModel`, a diffusion network is a `Denoiser` (both in `parts`).
"""

from gencompare.models import gan_settings, pretrained_settings, settings

MODELS: dict[str, type] = {
    "mlp_gan": gan_settings.MLPGAN,
    "dcgan": gan_settings.DCGAN,
    "dcgan_upsample": gan_settings.UpsampleDCGAN,
    "resnet_gan": gan_settings.ResNetGAN,
    "r3gan": gan_settings.R3GAN,
    "progressive_gan": gan_settings.ProgressiveGAN,
    "vae": settings.VAE,
    "vq_vae": settings.VQVAE,
    "unet": settings.UNet,
    "pretrained_unet": pretrained_settings.PretrainedUNet,
}
