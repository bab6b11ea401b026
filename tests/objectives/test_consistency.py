import pytest
import torch

from gencompare.config.typed import SettingError
from gencompare.imagesets.arrays import Images
from gencompare.models.parts.shape import ImageShape
from gencompare.models.settings import UNet
from gencompare.objectives.base import Batch
from gencompare.objectives.consistency import earlier_steps
from gencompare.objectives.settings import Consistency, Denoising
from gencompare.training.loop import train
from gencompare.training.settings import TrainingSettings

from ..training.toy import same_end

SHAPE = ImageShape(1, 16)
MODEL = UNet(widths=(8, 16), process="edm", dropout=0.5, precision="float32")


def objective(**settings):
    torch.manual_seed(0)
    return Consistency(**settings).objective(MODEL.networks(SHAPE))


def pair(n=6):
    return torch.rand(n, 1, 16, 16) * 2 - 1, torch.randn(n, 1, 16, 16)


def test_two_equal_steps_foresee_the_same_image_with_dropout_too():
    tuned, step = objective(), torch.tensor([1, 10, 200, 500, 800, 1000])
    assert torch.equal(tuned.gap(*pair(), step, step, None), torch.zeros(6))
    assert (tuned.gap(*pair(), step, step - 1, None) > 0).all()


def test_a_process_that_ends_in_nothing_but_noise_is_refused():
    networks = UNet(widths=(8, 16), process="flow").networks(SHAPE)
    with pytest.raises(
        SettingError, match=r"^objective.name='consistency': .*; set model.process to edm or cosine$"
    ):
        Consistency().objective(networks)


def test_the_clean_end_of_a_path_is_the_image_itself():
    images, noise = pair(2)
    clean = torch.zeros(2, dtype=torch.long)
    assert torch.equal(objective()._foreseen(images, noise, clean, None), images)


def test_only_the_noisier_side_learns():
    tuned = objective()
    images, noise = pair(2)
    step = torch.tensor([300, 700])
    assert tuned.gap(images, noise, step, step - 100, None).requires_grad
    with torch.no_grad():
        tuned.denoiser.requires_grad_(False)
    assert not tuned.gap(images, noise, step, step - 100, None).requires_grad


def test_pairs_come_nearer_by_the_papers_rule():
    ratios = torch.cat([torch.zeros(1), torch.logspace(-3, 2, 20_000)])
    step = torch.tensor([9000, 12_000, 16_000])
    t = ratios[step]
    for halvings in (0, 3, 6):
        expected = t * (1 - (1 + 8 * torch.sigmoid(-t)) / 2 ** (halvings + 1)).clamp(min=0)
        earlier = earlier_steps(ratios, step, halvings)
        assert torch.allclose(ratios[earlier], expected, rtol=1e-3)
    assert (earlier_steps(ratios, step, 40) == step - 1).all()


def test_it_is_its_teacher_first_and_tunes_then_with_optimisers_of_its_own():
    tuned, plain = objective(teacher=0.5, lr_scale=0.2), Denoising().objective(objective().networks)
    assert [tuned.advance(p) for p in (0.0, 0.2, 0.4, 0.5, 0.9)] == [False, False, False, True, False]
    assert tuned.lr_scale == 0.2
    assert tuned.advance(0.0)
    assert tuned.lr_scale == 1.0
    tuned.advance(0.375)
    assert tuned.lr_scale == pytest.approx(0.5)
    images, _ = pair()
    losses = []
    for one in (tuned, plain):
        torch.manual_seed(1)
        one.denoiser.load_state_dict(tuned.denoiser.state_dict())
        losses += [loss.item() for _, loss in one.step(Batch(images, None, 0, 0.375))]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("stop_after", [1, 4, 7])  # as a teacher, at the change, while it is tuned
def test_interrupted_it_ends_with_the_same_bytes(tmp_path, stop_after):
    settings = TrainingSettings(kimg=0.16, batch_size=8, rows=10, checkpoint_seconds=0, device="cpu")
    pixels = torch.randint(
        0, 256, (40, 16, 16, 1), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )

    def run(folder):
        make = lambda: Consistency(teacher=0.5).objective(MODEL.networks(SHAPE))  # noqa: E731
        return train(make, Images(pixels.numpy()), settings, name="tuned", seed=0, folder=folder)

    assert list(same_end(run, tmp_path, stop_after).stages) == [10]
