import math

import diffusers
import pytest
import torch

from gencompare.models.parts.diffusion import PROCESSES, SIGMA_DATA, Denoiser, alpha_bars, cosine


def denoiser(prediction="epsilon", timesteps=1000, backbone=None, process="cosine"):
    backbone = backbone or torch.nn.Identity()
    return Denoiser(backbone, process=PROCESSES[process](timesteps, 1.0), prediction=prediction)


@pytest.mark.parametrize("timesteps", [10, 100, 1000, 4000])
def test_the_schedule_falls_from_clean_to_noise(timesteps):
    alpha_bar = alpha_bars(timesteps)
    assert alpha_bar.shape == (timesteps + 1,)
    assert alpha_bar[0] == 1
    assert (alpha_bar.diff() < 0).all()
    assert 0 < alpha_bar[-1] < 1e-3


def test_cosine_schedule_is_the_squared_cosine_until_beta_is_clipped():
    alpha_bar = alpha_bars(1000)
    for k in (1, 250, 500, 990):
        signal = math.cos((k / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2
        start = math.cos(0.008 / 1.008 * math.pi / 2) ** 2
        assert alpha_bar[k].item() == pytest.approx(signal / start)
    assert (1 - alpha_bar[1000] / alpha_bar[999]).item() == pytest.approx(0.999)


def test_a_shift_multiplies_signal_to_noise_at_every_step_but_the_clean_one():
    plain, shifted = alpha_bars(100), alpha_bars(100, shift=0.25)
    assert shifted[0] == 1
    ratio = (shifted / (1 - shifted))[1:] / (plain / (1 - plain))[1:]
    assert ratio.numpy() == pytest.approx(0.25**2)


def test_diffused_images_have_the_forward_process_moments():
    model = denoiser()
    torch.manual_seed(0)
    for k in (1, 300, 1000):
        x0 = torch.full((1, 1, 1, 1), 0.7).expand(200_000, 1, 1, 1)
        x = model.diffuse(x0, torch.full((len(x0),), k), torch.randn(x0.shape))
        alpha_bar = alpha_bars(1000)[k].item()
        assert x.mean().item() == pytest.approx(0.7 * alpha_bar**0.5, abs=0.01)
        assert x.var().item() == pytest.approx(1 - alpha_bar, rel=0.02)


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("prediction", ["epsilon", "velocity"])
def test_the_clean_image_is_recovered_from_the_right_prediction(prediction, process):
    model = denoiser(prediction, process=process)
    torch.manual_seed(0)
    x0, noise = torch.rand(3, 3, 4, 4) * 2 - 1, torch.randn(3, 3, 4, 4)
    step = torch.tensor([1, 400, 800])
    x = model.diffuse(x0, step, noise)
    assert torch.allclose(model.clean(x, step, model.target(x0, step, noise)), x0, atol=1e-4)


def test_velocity_is_the_derivative_of_the_noisy_image_by_the_angle():
    """With alpha = cos(phi), sigma = sin(phi): dx/dphi = alpha eps - sigma x_0 (arXiv:2202.00512, app. D)."""
    model = denoiser("velocity")
    x0, noise = torch.rand(1, 1, 2, 2).double(), torch.randn(1, 1, 2, 2).double()
    angle, small = math.asin(model.process.sigma[300]), 1e-5
    change = [math.cos(angle + d) * x0 + math.sin(angle + d) * noise for d in (-small, small)]
    target = model.target(x0, torch.tensor([300]), noise)
    assert torch.allclose((change[1] - change[0]) / (2 * small), target, atol=1e-5)


def test_the_schedule_is_no_part_of_the_weights():
    assert not denoiser().state_dict()


def test_missing_labels_become_the_no_label_class():
    class Echo(torch.nn.Module):
        def forward(self, noisy, step, labels):
            self.seen = step, labels
            return noisy

    echo = Echo()
    model = Denoiser(echo, process=cosine(10), prediction="epsilon", classes=7)
    model(torch.zeros(2, 1, 4, 4), torch.tensor([1, 10]))
    assert echo.seen[0].tolist() == [0, 9]
    assert echo.seen[1].tolist() == [7, 7]


@pytest.mark.parametrize("timesteps", [50, 1000])
def test_the_schedule_agrees_with_diffusers(timesteps):
    scheduler = diffusers.DDPMScheduler(timesteps, beta_schedule="squaredcos_cap_v2")
    ours = alpha_bars(timesteps)[1:].float()
    assert torch.allclose(ours, scheduler.alphas_cumprod, rtol=0, atol=1e-6)


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("shown", ["velocity", "clean"])
def test_a_dual_prediction_is_the_velocity_that_its_gate_chooses(shown, process):
    torch.manual_seed(0)
    x0, noise, step = torch.rand(3, 1, 4, 4) * 1.8 - 0.9, torch.randn(3, 1, 4, 4), torch.tensor([1, 400, 999])
    schedule = denoiser("velocity", process=process)
    noisy, velocity = schedule.diffuse(x0, step, noise), schedule.target(x0, step, noise)

    class Outputs(torch.nn.Module):
        def forward(self, noisy, step, labels):
            right = {"velocity": velocity, "clean": torch.atanh(x0) / 2}
            wrong = {"velocity": velocity + 1, "clean": torch.zeros_like(x0)}
            parts = [(right if name == shown else wrong)[name] for name in ("velocity", "clean")]
            return torch.cat([*parts, torch.full_like(x0, 9.0 if shown == "clean" else -9.0)], dim=1)

    model = denoiser("dual", backbone=Outputs(), process=process)
    clean = model.clean(noisy, step, model(noisy, step))
    assert torch.allclose(clean, x0, atol=1e-3)
    assert torch.equal(model.target(x0, step, noise), velocity)


def test_a_flow_is_a_straight_line_whose_velocity_is_its_change():
    model = denoiser("velocity", process="flow")
    x0, noise = torch.rand(1, 1, 2, 2), torch.randn(1, 1, 2, 2)
    early, late = (model.diffuse(x0, torch.tensor([k]), noise) for k in (250, 750))
    assert torch.allclose((late - early) / 0.5, model.target(x0, torch.tensor([250]), noise), atol=1e-6)
    assert torch.equal(model.diffuse(x0, torch.tensor([1000]), noise), noise)


@pytest.mark.parametrize("process", PROCESSES)
def test_a_shift_multiplies_the_signal_to_noise_of_every_process(process):
    plain, shifted = (PROCESSES[process](100, shift) for shift in (1.0, 0.25))
    for k in (1, 50, 99):
        ratio = (shifted.alpha[k] / shifted.sigma[k]) / (plain.alpha[k] / plain.sigma[k])
        assert ratio == pytest.approx(0.25)


def test_edm_has_the_papers_noise_levels_and_preconditioning():
    """arXiv:2206.00364, equation 5 and table 1: D = c_skip x + c_out F(c_in x), F the velocity negated."""
    model = denoiser("velocity", process="edm")
    sigma, d = torch.tensor(model.process.sigma).double(), SIGMA_DATA
    grid = [(80 ** (1 / 7) + i / 9 * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7 for i in range(10)]
    assert sigma[model.process.visited(10)].numpy() == pytest.approx([*grid, 0.0])
    x, f = torch.randn(4, 1, 2, 2), torch.randn(4, 1, 2, 2)
    step = torch.tensor([1, 300, 700, 1000])
    s = sigma[step].float()[:, None, None, None]
    skip, out = d**2 / (s**2 + d**2), s * d / (s**2 + d**2).sqrt()
    assert torch.allclose(model.clean(x, step, -f), skip * x + out * f, atol=1e-5)
    assert torch.allclose(model.scale[step], 1 / (sigma[step].float() ** 2 + d**2).sqrt())
    told, log_noise = model.told[1:], sigma[1:].log().float()
    assert torch.allclose(told, (log_noise - log_noise[0]) * 999 / (log_noise[-1] - log_noise[0]), atol=1e-2)


def test_edm_has_inputs_and_targets_of_unit_variance():
    torch.manual_seed(0)
    seen = []
    backbone = torch.nn.Identity()
    backbone.forward = lambda noisy, told, labels: seen.append(noisy) or noisy
    model = denoiser("velocity", backbone=backbone, process="edm")
    for k in (1, 500, 1000):
        images, noise = SIGMA_DATA * torch.randn(200_000, 1, 1, 1), torch.randn(200_000, 1, 1, 1)
        step = torch.full((len(images),), k)
        model(model.diffuse(images, step, noise), step)
        assert seen[-1].var().item() == pytest.approx(1, abs=0.02)
        assert model.target(images, step, noise).var().item() == pytest.approx(1, abs=0.02)
