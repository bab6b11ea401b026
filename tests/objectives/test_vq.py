import pytest
import torch

from gencompare.config.typed import SettingError
from gencompare.imagesets.arrays import Images
from gencompare.models.parts.shape import ImageShape
from gencompare.models.settings import VAE, VQVAE
from gencompare.objectives.base import Batch
from gencompare.objectives.settings import VQ
from gencompare.objectives.vq import codes_in_use
from gencompare.training.loop import train
from gencompare.training.settings import TrainingSettings

from ..training.toy import same_end

SHAPE = ImageShape(1, 16)
MODEL = VQVAE(
    side=4,
    codes=8,
    width=8,
    code_dim=4,
    prior_width=32,
    prior_depth=1,
    prior_dropout=0.2,
    precision="float32",
)


def objective(**settings):
    torch.manual_seed(0)
    return VQ(**settings).objective(MODEL.networks(SHAPE))


def pixels(n=40):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (n, 16, 16, 1), dtype=torch.uint8, generator=generator)


def test_the_codebooks_perplexity():
    assert codes_in_use(torch.tensor([3, 3, 3]), 8).item() == pytest.approx(1.0)
    assert codes_in_use(torch.arange(8), 8).item() == pytest.approx(8.0)
    assert codes_in_use(torch.tensor([0, 0, 5, 5]), 8).item() == pytest.approx(2.0)


def test_the_auto_encoder_learns_first_and_then_the_prior_with_optimisers_of_its_own():
    made = objective(autoencoder=0.5)
    assert [made.advance(p) for p in (0.0, 0.2, 0.4, 0.5, 0.9)] == [False, False, False, True, False]
    assert made.lr_scale == 1.0
    made.advance(0.375)
    assert made.lr_scale == pytest.approx(0.5)
    batch = Batch(torch.rand(4, 1, 16, 16), None, 0, 0.0)
    assert [name for name, _ in made.step(batch)] == ["autoencoder"]
    assert set(made.metrics) == {"reconstruction", "codes_in_use"}
    made.advance(0.6)
    before = made.autoencoder.codebook.vectors.clone()
    ((name, loss),) = made.step(batch)
    loss.backward()
    assert name == "prior"
    assert torch.equal(made.autoencoder.codebook.vectors, before)
    assert all(parameter.grad is None for parameter in made.autoencoder.parameters())


def test_commitment_draws_features_to_their_codes():
    batch = Batch(torch.rand(4, 1, 16, 16), None, 0, 0.0)
    losses = []
    for weight in (0.0, 1.0):
        made = objective(commitment=weight)
        ((_, loss),) = made.step(batch)
        losses.append(loss.item())
        if not weight:
            assert loss.item() == made.metrics["reconstruction"].item()
    assert losses[1] > losses[0]


def test_another_models_networks_are_refused():
    with pytest.raises(SettingError, match=r"objective.name='vq': needs a network 'autoencoder'"):
        VQ().objective(VAE().networks(SHAPE))


@pytest.mark.parametrize("stop_after", [1, 4, 7])  # as an auto-encoder, at the change, as a prior
def test_interrupted_it_ends_with_the_same_bytes(tmp_path, stop_after):
    settings = TrainingSettings(kimg=0.16, batch_size=8, rows=10, checkpoint_seconds=0, device="cpu")

    def run(folder):
        make = lambda: VQ(autoencoder=0.5).objective(MODEL.networks(SHAPE))  # noqa: E731
        return train(make, Images(pixels().numpy()), settings, name="vq", seed=0, folder=folder)

    assert list(same_end(run, tmp_path, stop_after).stages) == [10]


def test_it_learns_to_say_images_and_to_write_their_codes(tmp_path):
    """Four different images: after a short training codes say which, and the prior knows of no other."""
    images = pixels(4).numpy().repeat(16, axis=0)
    settings = TrainingSettings(kimg=16, batch_size=32, rows=10, lr=3e-3, decay_from=0.8, device="cpu")
    model = VQVAE(side=4, codes=32, width=16, code_dim=8, prior_width=32, prior_depth=1, precision="float32")
    made = train(
        lambda: VQ().objective(model.networks(SHAPE)),
        Images(images),
        settings,
        name="vq",
        seed=0,
        folder=tmp_path,
    )
    reconstruction = made.history["reconstruction"].dropna()
    assert reconstruction.iloc[-1] < 0.5 * reconstruction.iloc[0]
    # Which of four it is, ln 4 nats over 16 codes, is all that there is to say.
    assert made.history["loss/prior"].dropna().iloc[-1] < 0.25
