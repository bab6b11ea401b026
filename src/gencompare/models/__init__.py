"""The model zoo: one file a family. A family is a settings class with `check(shape)` and `networks(shape)`.

`check` raises SettingError for images the family cannot make; `networks` gives fresh networks by name,
initialised from torch's global generator. A generator of images derives from `LatentModel`, a diffusion
network is a `Denoiser`.
"""

from gencompare.models.dcgan import DCGAN
from gencompare.models.dcgan_upsample import UpsampleDCGAN
from gencompare.models.mlp_gan import MLPGAN
from gencompare.models.pretrained import PretrainedUNet
from gencompare.models.progressive_gan import ProgressiveGAN
from gencompare.models.resnet_gan import ResNetGAN
from gencompare.models.unet import UNet
from gencompare.models.vae import VAE

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
