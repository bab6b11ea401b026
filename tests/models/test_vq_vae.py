import itertools

import pytest
import torch

from gencompare.config.typed import SettingError
from gencompare.models.parts.shape import ImageShape
from gencompare.models.settings import VQVAE
from gencompare.models.vq_vae import AutoEncoder, Codebook, Prior

SMALL = VQVAE(side=2, codes=3, width=8, code_dim=4, prior_width=32, prior_depth=2, precision="float32")


def prior(classes=0):
    torch.manual_seed(0)
    made = Prior(SMALL, classes).eval()
    torch.nn.init.normal_(made.logits.weight, 0.0, 0.5)  # or all codes are about alike
    return made


def test_the_probabilities_of_all_images_codes_sum_to_one():
    every = torch.tensor(list(itertools.product(range(3), repeat=4)))
    with torch.no_grad():
        logits = prior()(every)
    likelihood = torch.distributions.Categorical(logits=logits).log_prob(every).sum(1)
    assert likelihood.exp().sum().item() == pytest.approx(1.0, abs=1e-5)
    assert likelihood.std() > 0.1


def test_a_code_is_judged_by_those_before_it_alone():
    codes = torch.randint(3, (1, 4))
    other = codes.clone()
    other[0, 2] = (other[0, 2] + 1) % 3
    with torch.no_grad():
        one, two = prior()(codes), prior()(other)
    assert torch.equal(one[:, :3], two[:, :3])
    assert not torch.allclose(one[:, 3], two[:, 3])


@pytest.mark.parametrize("classes", [0, 5])
def test_written_step_by_step_it_says_what_it_says_of_the_whole(classes):
    made, codes = prior(classes), torch.randint(3, (6, 4))
    labels = torch.arange(6) % 5 if classes else None
    with torch.no_grad():
        whole = made(codes, labels)
        writing = made.write(6, labels)
        logits = [next(writing), *(writing.send(codes[:, place]) for place in range(3))]
    assert torch.allclose(torch.stack(logits, dim=1), whole, atol=1e-5)


def test_labels_change_what_is_probable():
    made, codes = prior(classes=2), torch.zeros(2, 4, dtype=torch.long)
    first, second = made(codes, torch.tensor([0, 1]))
    assert not torch.allclose(first, second)


def test_the_codebook_is_the_running_mean_by_its_definition():
    torch.manual_seed(0)
    book = Codebook(codes=2, dim=3, decay=0.9)
    counts, sums = torch.tensor([2.0, 3.0]), torch.randn(2, 3)
    book.counts.copy_(counts)
    book.sums.copy_(sums)
    features, codes = torch.randn(5, 3), torch.tensor([0, 1, 1, 0, 1])
    book.learn(features, codes)
    for code in range(2):
        own = features[codes == code]
        count = 0.9 * counts[code] + 0.1 * len(own)
        expected = (0.9 * sums[code] + 0.1 * own.sum(0)) / count
        assert torch.allclose(book.vectors[code], expected, atol=1e-6)


def test_codes_that_are_never_used_are_put_onto_features():
    torch.manual_seed(0)
    book, features = Codebook(codes=8, dim=3, decay=0.99), torch.randn(64, 3) + 50
    book.learn(features, torch.zeros(64, dtype=torch.long))  # at first all are dead
    distances = (book.vectors[:, None] - features).norm(dim=2).amin(dim=1)
    assert (distances[1:] < 1e-4).all()
    assert (book.vectors[0] - features.mean(0)).norm() < 3


def test_the_nearest_code_is_the_nearest():
    torch.manual_seed(0)
    book, features = Codebook(codes=16, dim=4, decay=0.99), torch.randn(100, 4)
    assert torch.equal(book.nearest(features), torch.cdist(features, book.vectors).argmin(dim=1))


def test_the_encoder_is_taught_as_if_nothing_were_rounded():
    torch.manual_seed(0)
    made = AutoEncoder(SMALL, ImageShape(1, 16))
    made.codebook.vectors.mul_(10)  # rounding is far from nothing
    images = torch.rand(2, 1, 16, 16) * 2 - 1
    found = made(images)
    assert not torch.allclose(found.features, found.nearest)
    found.features.retain_grad()
    found.reconstructions.square().mean().backward()
    vectors = found.nearest.unflatten(0, (2, -1)).detach().requires_grad_()
    made.decode(vectors).square().mean().backward()
    assert torch.allclose(found.features.grad, vectors.grad.flatten(0, 1), atol=1e-7)
    assert made.encoder[0].weight.grad.abs().sum() > 0


@pytest.mark.parametrize(("side", "resolution"), [(3, 16), (16, 16), (32, 16), (6, 32)])
def test_images_that_codes_do_not_fit_are_refused(side, resolution):
    with pytest.raises(SettingError, match=rf"^model.side={side}: "):
        VQVAE(side=side).check(ImageShape(3, resolution))
