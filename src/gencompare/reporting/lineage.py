"""What each contender is, in a line: its idea, its paper and its year."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gencompare.config.contender import CHOICES

MODELS = {
    "mlp_gan": "GAN without convolutions, the oldest ancestor (Goodfellow et al. 2014, arXiv:1406.2661)",
    "dcgan": "Convolutional GAN (Radford et al. 2015, arXiv:1511.06434)",
    "dcgan_upsample": "Convolutional GAN that enlarges instead of transposing (Odena et al. 2016, distill.pub)",
    "resnet_gan": "GAN of residual blocks (Gulrajani et al. 2017, arXiv:1704.00028)",
    "progressive_gan": "GAN that grows from coarse to fine (Karras et al. 2017, arXiv:1710.10196)",
    "vae": "Variational auto-encoder (Kingma and Welling 2013, arXiv:1312.6114)",
    "vq_vae": "Auto-encoder of discrete codes, and a transformer that writes them (van den Oord et al. 2017, arXiv:1711.00937)",
    "unet": "Diffusion model (Ho et al. 2020, arXiv:2006.11239)",
    "pretrained_unet": "Diffusion model that someone else began to train (Ho et al. 2020, arXiv:2006.11239)",
}
PROCESSES = {
    "flow": "Flow matching: straight lines from noise to images (Liu et al. 2022, arXiv:2209.03003)",
    "edm": "Diffusion model of any amount of noise, preconditioned (Karras et al. 2022, arXiv:2206.00364)",
}
OBJECTIVES = {
    "lsgan": "least-squares loss (Mao et al. 2016, arXiv:1611.04076)",
    "hinge": "hinge loss (Miyato et al. 2018, arXiv:1802.05957)",
    "wgan_gp": "Wasserstein loss with gradient penalty (Gulrajani et al. 2017, arXiv:1704.00028)",
    "r3gan": "relativistic loss with penalties on real and fake images (Huang et al. 2024, arXiv:2501.05441)",
    "consistency": "tuned to images in one or two evaluations (Geng et al. 2024, arXiv:2406.14548)",
}


def lineage(settings: Mapping[str, Any]) -> str:
    """Say what a contender is. Families that are not known here say the first line of their own description.

    Args:
        settings: flat, with `model.name` and `objective.name`; `model.process` where there is one.
    """
    model, objective = settings["model.name"], settings.get("objective.name", "")
    what = PROCESSES.get(settings.get("model.process", "")) or MODELS.get(model) or _described("model", model)
    loss = OBJECTIVES.get(objective)
    return f"{what}; {loss}" if loss and model != "progressive_gan" else what


def key_settings(settings: Mapping[str, Any], shared: Mapping[str, Any]) -> str:
    """Return the settings that tell a contender from the others, shortly.

    Args:
        settings: flat, of the contender.
        shared: those that all contenders of the comparison have in common.
    """
    names = {
        "training.batch_size": "batch",
        "training.lr": "lr",
        "training.optimiser": "by",
        "sampler.name": "sampler",
        "sampler.steps": "steps",
        "model.latent_dim": "latent",
        "model.width": "width",
        "objective.beta": "beta",
        "images.count": "images",
        "sampler.guidance_scale": "guidance",
        "sampler.autoguidance": "autoguidance",
    }
    found = [
        f"{word} {settings[key]:g}" if isinstance(settings[key], float) else f"{word} {settings[key]}"
        for key, word in names.items()
        if settings.get(key) is not None and key not in shared
    ]
    return ", ".join(found[:5])


def _described(part: str, name: str) -> str:
    text = (CHOICES[part][name].__doc__ or "").strip() if name in CHOICES[part] else ""
    return text.splitlines()[0].rstrip(".") if text else name
