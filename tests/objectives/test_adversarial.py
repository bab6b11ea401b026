import dataclasses
import math

import pytest
import torch
from torch import nn

from gencompare.config.typed import SettingError
from gencompare.models.gan_settings import DCGAN, ProgressiveGAN, ResNetGAN
from gencompare.models.parts.layers import enlarged, shrunk
from gencompare.models.parts.precision import mixed_precision
from gencompare.models.parts.shape import ImageShape
from gencompare.models.settings import VAE
from gencompare.objectives import OBJECTIVES
from gencompare.objectives.adversarial import (
    gradient_penalty,
    hinge_discriminator_loss,
    least_squares_discriminator_loss,
    least_squares_generator_loss,
    linear_generator_loss,
    r1_penalty,
    relativistic_discriminator_loss,
    vanilla_discriminator_loss,
    vanilla_generator_loss,
    wasserstein_discriminator_loss,
)
from gencompare.objectives.base import Batch
from gencompare.objectives.settings import LSGAN, R3GAN, WGANGP, Hinge, Vanilla

SHAPE = ImageShape(1, 16)


def gan():
    torch.manual_seed(0)
    networks = DCGAN(latent_dim=4, width=8, precision="float32").networks(SHAPE)
    return networks, Vanilla().objective(networks)


def batch(n=6, labels=None):
    return Batch(torch.rand(n, 1, 16, 16) * 2 - 1, labels, 0, 0.0)


def resnet(objective, **settings):
    torch.manual_seed(0)
    shape = ImageShape(1, 16, 3)
    networks = ResNetGAN(latent_dim=4, width=4, max_width=8, precision="float32", **settings).networks(shape)
    return networks, objective.objective(networks)


class Linear(nn.Module):
    """D(x) = slope · sum(x): its gradient has norm slope · √(pixels) everywhere."""

    def __init__(self, slope, precision="float32"):
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(slope))
        self.precision = precision

    def forward(self, images):
        with mixed_precision(images.device, self.precision):
            ones = torch.ones(images[0].numel(), 1)
            return (images.flatten(1) @ (self.slope * ones))[:, 0]


def test_an_undecided_discriminator_costs_log_four_and_the_generator_log_two():
    undecided = torch.zeros(5)
    assert vanilla_discriminator_loss(undecided, undecided).item() == pytest.approx(math.log(4))
    assert vanilla_generator_loss(undecided).item() == pytest.approx(math.log(2))


def test_losses_are_the_binary_cross_entropy_of_the_logits():
    real, fake = torch.tensor([2.0, -1.0]), torch.tensor([0.5, -3.0])
    by_hand = -(real.sigmoid().log().mean() + (1 - fake.sigmoid()).log().mean())
    assert vanilla_discriminator_loss(real, fake).item() == pytest.approx(by_hand.item())
    assert vanilla_generator_loss(fake).item() == pytest.approx(-fake.sigmoid().log().mean().item())


def test_least_squares_wants_one_for_real_and_zero_for_fake():
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([0.0, -2.0])
    assert least_squares_discriminator_loss(real, fake).item() == pytest.approx(0.5 * 2 + 0.5 * 2)
    assert least_squares_generator_loss(fake).item() == pytest.approx(0.5 * (1 + 9) / 2)
    assert least_squares_discriminator_loss(torch.ones(3), torch.zeros(3)).item() == 0


def test_hinge_counts_only_what_is_inside_the_margin():
    real, fake = torch.tensor([0.5, 7.0]), torch.tensor([-9.0, 0.5])
    assert hinge_discriminator_loss(real, fake).item() == pytest.approx(0.25 + 0.75)
    assert linear_generator_loss(fake).item() == pytest.approx(4.25)
    assert hinge_discriminator_loss(torch.zeros(2), torch.zeros(2)).item() == 2


def test_wasserstein_is_the_difference_of_means_whatever_is_added_to_both():
    real, fake = torch.tensor([1.0, 2.0]), torch.tensor([-1.0, 0.0])
    assert wasserstein_discriminator_loss(real, fake).item() == pytest.approx(-2.0)
    assert wasserstein_discriminator_loss(real + 5, fake + 5).item() == pytest.approx(-2.0)


def test_the_relativistic_loss_sees_only_the_lead_within_each_pair():
    real, fake = torch.tensor([1.0, -2.0]), torch.tensor([0.5, 4.0])
    by_hand = -(real - fake).sigmoid().log().mean()
    assert relativistic_discriminator_loss(real, fake).item() == pytest.approx(by_hand.item())
    assert relativistic_discriminator_loss(real + 9, fake + 9).item() == pytest.approx(by_hand.item())
    assert relativistic_discriminator_loss(torch.zeros(2), torch.zeros(2)).item() == pytest.approx(
        math.log(2)
    )


def test_r3gan_penalises_real_and_fake_images_and_its_weight_falls():
    """Of a critic of known slope both penalties are ½ (8 slope)², and a pair's lead is slope times its sums'."""
    torch.manual_seed(0)
    networks = DCGAN(latent_dim=4, width=8, critic_norm="none", precision="float32").networks(SHAPE)
    networks["discriminator"] = Linear(0.1)
    objective = R3GAN(r1=3.0, r1_end=0.1).objective(networks)
    fakes = []
    networks["generator"].register_forward_hook(lambda _, __, made: fakes.append(made.detach()))
    for progress, weight in ((0.0, 3.0), (0.5, 1.65), (1.0, 0.3)):
        given = Batch(torch.rand(6, 1, 16, 16), None, 0, progress)
        (_, discriminator), (_, generator) = objective.step(given)
        lead = 0.1 * (given.images - fakes[-1]).flatten(1).sum(1)
        penalties = 2 * 0.5 * (16 * 0.1) ** 2
        expected = torch.nn.functional.softplus(-lead).mean().item() + weight * penalties
        assert discriminator.item() == pytest.approx(expected, rel=1e-4)
        assert generator.item() == pytest.approx(torch.nn.functional.softplus(lead).mean().item(), rel=1e-4)


def test_a_critic_with_batch_normalisation_is_refused_by_r3gan():
    with pytest.raises(SettingError, match=r"^objective.name='r3gan': .*batch normalisation"):
        R3GAN().objective(DCGAN(latent_dim=4, width=8).networks(SHAPE))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("slope", [0.0, 0.1, 1 / 8, 1.0])
def test_penalties_of_a_critic_of_known_slope(slope, precision):
    critic = Linear(slope, precision)
    real, fake = torch.randn(5, 1, 8, 8), torch.randn(5, 1, 8, 8)
    norm = 8 * slope  # over 64 pixels
    assert gradient_penalty(critic, real, fake).item() == pytest.approx((norm - 1) ** 2, abs=1e-6)
    assert r1_penalty(critic, real).item() == pytest.approx(0.5 * norm**2, abs=1e-5)


def test_the_gradient_penalty_teaches_the_critic_its_slope():
    critic = Linear(1.0)
    gradient_penalty(critic, torch.randn(5, 1, 8, 8), torch.randn(5, 1, 8, 8)).backward()
    assert critic.slope.grad.item() == pytest.approx(2 * (8 - 1) * 8, rel=1e-5)


def test_penalties_are_in_float32_where_the_critic_is_in_bfloat16():
    kinds = []

    class Watched(Linear):
        def forward(self, images):
            kinds.append(super().forward(images).dtype)
            return super().forward(images)

    critic, images = Watched(0.1, "bfloat16"), torch.randn(2, 1, 8, 8)
    critic(images)
    gradient_penalty(critic, images, images)
    r1_penalty(critic, images)
    assert kinds == [torch.bfloat16, torch.float32, torch.float32]


def test_the_gradient_penalty_looks_between_real_and_fake():
    seen = []

    def critic(images):
        seen.append(images.detach())
        return images.flatten(1).sum(1)

    torch.manual_seed(0)
    gradient_penalty(critic, torch.zeros(2000, 1, 2, 2), torch.ones(2000, 1, 2, 2))
    [between] = seen
    assert (between.flatten(1).std(1) == 0).all()  # one share an image
    assert between.mean().item() == pytest.approx(0.5, abs=0.02)
    assert between.std().item() == pytest.approx((1 / 12) ** 0.5, abs=0.02)


def test_wgan_gp_adds_penalty_drift_and_nothing_else():
    networks, objective = resnet(WGANGP(n_critic=1, gp=7.0, drift=0.5))
    critic = networks["discriminator"]
    nn.init.zeros_(critic.logit.weight)  # a critic that says 2 to everything has gradient norm 0
    nn.init.constant_(critic.logit.bias, 2.0)
    _, loss = next(objective.step(batch()))
    assert loss.item() == pytest.approx(0 + 7.0 * 1 + 0.5 * 4, rel=1e-4)


def test_r1_is_added_with_its_weight():
    given = batch()

    def loss(r1):
        _, objective = resnet(Hinge(r1=r1))
        torch.manual_seed(1)
        return next(objective.step(given))[1].item()

    penalty = r1_penalty(resnet(Hinge())[0]["discriminator"], given.images).item()
    assert penalty > 0
    assert loss(10.0) - loss(0.0) == pytest.approx(10 * penalty, rel=1e-3)


@pytest.mark.parametrize(
    "config", [Hinge(r1=3.0, penalty_every=4), WGANGP(n_critic=1, gp=3.0, penalty_every=4)]
)
def test_lazy_penalties_come_every_few_steps_and_as_much_stronger(config):
    given, always = batch(), dataclasses.replace(config, penalty_every=1)
    never = dataclasses.replace(always, **{"gp": 1e-30} if isinstance(config, WGANGP) else {"r1": 0.0})

    def loss(config, index):
        _, objective = resnet(config)
        torch.manual_seed(1)
        return next(objective.step(dataclasses.replace(given, index=index)))[1].item()

    penalty = loss(always, 0) - loss(never, 0)
    assert penalty > 0
    for index in (0, 8):
        assert loss(config, index) - loss(never, index) == pytest.approx(4 * penalty, rel=1e-3)
    for index in (1, 7):
        assert loss(config, index) == loss(never, index)


def test_n_critic_parts_share_the_batch_and_every_image_is_seen_once():
    networks, objective = resnet(WGANGP(n_critic=3))
    seen = []
    networks["discriminator"].register_forward_pre_hook(
        lambda _, given: seen.append(given[0].detach().clone())
    )
    given = batch(12)
    order = [name for name, _ in objective.step(given)]
    assert order == ["discriminator"] * 3 + ["generator"]
    real = seen[0], seen[3], seen[6]  # each part: real, fake, between
    assert torch.equal(torch.cat(real), given.images)
    assert len(seen) == 10
    assert len(seen[-1]) == 4


def test_a_batch_too_small_for_n_critic_is_refused():
    _, objective = resnet(WGANGP())
    with pytest.raises(SettingError, match=r"^training.batch_size=6: too few for objective.n_critic=5"):
        next(objective.step(batch(6)))


def test_a_critic_with_batch_normalisation_is_refused_by_wgan_gp():
    with pytest.raises(SettingError, match=r"^objective.name='wgan_gp': .*batch normalisation"):
        WGANGP().objective(DCGAN(latent_dim=4, width=8).networks(SHAPE))


def test_all_the_discriminator_sees_is_augmented():
    networks, objective = resnet(Vanilla(augment=("cutout",)))
    shares = []
    networks["discriminator"].register_forward_pre_hook(
        lambda _, given: shares.append((given[0] == 0).flatten(1).float().mean(1))
    )
    list(objective.step(batch()))
    assert len(shares) == 3  # real, fake, and the generator's own
    assert all(((share >= 1 / 16) & (share <= 1 / 4)).all() for share in shares)


def test_a_conditional_pair_gets_the_labels_of_the_batch():
    networks, objective = resnet(Hinge(n_critic=2), conditional=True, critic_norm="spectral")
    seen = []
    for network in networks.values():
        network.register_forward_pre_hook(lambda _, given: seen.append(given[1]))
    labels = torch.tensor([0, 1, 2, 1])
    list(objective.step(batch(4, labels)))
    halves = [labels[:2]] * 3 + [labels[2:]] * 4  # made, judged real and fake; and again, and the generator's
    assert all(torch.equal(a, b) for a, b in zip(seen, halves, strict=True))


def test_a_growing_pair_grows_together_and_real_images_keep_its_pace():
    torch.manual_seed(0)
    model = ProgressiveGAN(latent_dim=4, width=4, max_width=8, growth=0.5, lr_scales={8: 0.3})
    networks = model.networks(SHAPE)
    objective = WGANGP(n_critic=1).objective(networks)
    seen = []
    networks["discriminator"].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    assert objective.advance(0.0)
    assert not objective.advance(0.1)
    assert objective.advance(0.3)
    assert objective.lr_scale == 0.3
    assert networks["generator"].stage == networks["discriminator"].stage
    losses = dict(objective.step(batch()))
    assert all(torch.isfinite(loss) for loss in losses.values())
    real = seen[0]
    assert real.shape == (6, 1, 16, 16)
    assert torch.equal(enlarged(shrunk(real, 2), 2), real)


def test_an_ungrowing_pair_never_asks_for_new_optimisers():
    _, objective = gan()
    assert not objective.advance(0.5)
    assert objective.lr_scale == 1.0


@pytest.mark.parametrize("settings", [Vanilla, LSGAN, Hinge, R3GAN, WGANGP])
def test_objectives_have_the_name_they_are_registered_by(settings):
    _, objective = resnet(settings())
    assert OBJECTIVES[objective.name] is settings


def test_metrics_show_raw_opinions_for_other_losses_and_how_varied_the_fakes_are():
    networks, objective = resnet(LSGAN())
    nn.init.zeros_(networks["discriminator"].logit.weight)
    nn.init.constant_(networks["discriminator"].logit.bias, 3.0)
    nn.init.zeros_(networks["generator"].to_image.weight)
    list(objective.step(batch()))
    assert objective.metrics["d_real"].item() == objective.metrics["d_fake"].item() == 3
    assert objective.metrics["diversity"].item() == pytest.approx(0, abs=1e-4)
    assert objective.metrics["distinctness"].item() == pytest.approx(0, abs=1e-4)


def test_confident_logits_give_finite_losses_and_gradients():
    fake = torch.tensor([-1e4], requires_grad=True)
    vanilla_generator_loss(fake).backward()
    assert fake.grad is not None
    assert fake.grad.item() == pytest.approx(-1.0)


def test_the_discriminator_learns_first_and_neither_step_touches_the_other_network():
    networks, objective = gan()
    steps = objective.step(batch())
    name, loss = next(steps)
    loss.backward()
    assert name == "discriminator"
    assert all(parameter.grad is None for parameter in networks["generator"].parameters())
    networks["discriminator"].zero_grad(set_to_none=True)

    name, loss = next(steps)
    loss.backward()
    assert name == "generator"
    assert all(parameter.grad is not None for parameter in networks["generator"].parameters())
    assert all(parameter.grad is None for parameter in networks["discriminator"].parameters())
    assert all(parameter.requires_grad for parameter in networks["discriminator"].parameters())
    assert next(steps, None) is None


def test_the_generator_meets_the_updated_discriminator():
    def generator_loss(update):
        networks, objective = gan()
        steps = objective.step(batch())
        next(steps)
        if update:
            with torch.no_grad():
                networks["discriminator"].logit.bias += 5.0
        return next(steps)[1].item()

    assert generator_loss(update=True) < generator_loss(update=False)


def test_metrics_are_the_discriminator_probabilities():
    networks, objective = gan()
    torch.nn.init.zeros_(networks["discriminator"].logit.weight)
    list(objective.step(batch()))
    assert objective.metrics["d_real"].item() == 0.5
    assert objective.metrics["d_fake"].item() == 0.5
    assert objective.metrics["d_ranking"].item() == 0.5


def test_a_model_without_a_discriminator_is_refused():
    with pytest.raises(SettingError, match=r"^objective.name='vanilla': needs a network 'generator'"):
        Vanilla().objective(VAE(latent_dim=4, width=8).networks(SHAPE))
