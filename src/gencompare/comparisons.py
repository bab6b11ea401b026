"""Every comparison that can be run, as data: one entry here is one registered pipeline."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Training:
    """One contender trained with one seed: `repeat` more than the parameters' `seed`."""

    contender: str
    repeat: int = 0

    @property
    def name(self) -> str:
        """Name its namespace and folder: the contender's name, and the repeat where it is not the first."""
        return f"{self.contender}_repeat{self.repeat}" if self.repeat else self.contender


@dataclass(frozen=True)
class Comparison:
    """What is compared on what.

    Attributes:
        question: what the comparison is to answer, for the report.
        image_set: the image set it uses unless `--params=dataset=NAME` says otherwise.
        contenders: names of blocks under `contenders` in the parameters.
        seeds: how many times each contender is trained, with seeds that follow each other.
    """

    question: str
    image_set: str
    contenders: tuple[str, ...]
    seeds: int = 1

    @property
    def trainings(self) -> list[Training]:
        """Every training of the comparison, contender by contender."""
        return [Training(contender, repeat) for contender in self.contenders for repeat in range(self.seeds)]


COMPARISONS: dict[str, Comparison] = {
    "gan_compare": Comparison(
        question="GAN, VAE or diffusion: which makes the better images here, and at what cost?",
        image_set="squares",
        contenders=("vanilla_gan", "dcgan", "lsgan", "wgan_gp", "progressive_gan", "vae", "ddpm"),
    ),
    "squares_scaling": Comparison(
        question="How many training images does a model need before it draws squares instead of copying them?",
        image_set="squares",
        contenders=(
            "dcgan_on_1000",
            "dcgan_on_10000",
            "dcgan",
            "dcgan_augmented_on_1000",
            "ddpm_on_1000",
            "ddpm_on_10000",
            "ddpm",
        ),
    ),
    "panda_compare": Comparison(
        question="Which model, latent size, width and learning rate suit 144 panda photos, and does it help to "
        "make more images of them?",
        image_set="pandas",
        contenders=(
            "panda_dcgan",
            "panda_dcgan_on_5000",
            "panda_dcgan_latent_500",
            "panda_dcgan_wide",
            "panda_dcgan_slow",
            "progressive_gan",
            "ddpm_short",
            "ddpm",
        ),
    ),
    "bird_compare": Comparison(
        question="Which loss suits a GAN on birds, and do a VAE or a diffusion model do better?",
        image_set="cub200",
        contenders=(
            "resnet_vanilla",
            "resnet_lsgan",
            "resnet_wgan_gp",
            "vae_annealed",
            "ddpm_ancestral",
            "ddpm",
        ),
    ),
    "augmentation_compare": Comparison(
        question="Does strong augmentation help a GAN on few photos, and do residual blocks?",
        image_set="pandas",
        contenders=(
            "basic_plain",
            "basic_residual_generator",
            "basic_residual_both",
            "advanced_plain",
            "advanced_residual_generator",
            "advanced_residual_both",
        ),
    ),
    "fashion_compare": Comparison(
        question="GAN or diffusion, with and without labels: which makes the better clothes?",
        image_set="fashion_mnist",
        contenders=("dcgan", "conditional_gan", "ddpm", "conditional_ddpm"),
    ),
    "car_compare": Comparison(
        question="Does growing a GAN help on small photos of cars, or a better loss, or attention?",
        image_set="cifar10",
        contenders=(
            "dcgan",
            "progressive_gan",
            "progressive_gan_abrupt",
            "resnet_wgan_gp",
            "attention_gan",
        ),
    ),
    "vae_compare": Comparison(
        question="How do latent size and the weight of the KL change a VAE?",
        image_set="fashion_mnist",
        contenders=(
            "vae_latent_16",
            "vae_latent_128",
            "vae_latent_1024",
            "vae_beta_08",
            "vae_beta_10",
            "vae_beta_12",
            "vae_annealed",
        ),
    ),
    "sampler_compare": Comparison(
        question="One trained diffusion model: which sampler makes the best images for the fewest evaluations?",
        image_set="fashion_mnist",
        contenders=(
            "ddpm_ancestral",
            "ddim_5",
            "ddim_10",
            "ddim_20",
            "ddim_100",
            "dpm_solver_5",
            "dpm_solver_10",
            "dpm_solver_20",
            "heun_10",
            "heun_20",
        ),
    ),
}

# Samples of another tool, scored like a contender's: kedro run --pipeline=score.
SCORE = Comparison(
    question="How good are these samples?",
    image_set="squares",
    contenders=(),
)


def all_jobs() -> dict[str, Comparison]:
    """Return every job that works on one image set, by pipeline name: the comparisons, and scoring alone."""
    return COMPARISONS | {"score": SCORE}
