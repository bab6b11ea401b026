"""The check of a card, run on the CPU: what it compares agrees there, and it would tell where something does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

CPU = torch.device("cpu")


@pytest.fixture
def cuda_check(benchmark_script):
    return benchmark_script("cuda_check")


@pytest.mark.parametrize("name", ["dcgan", "flow"])
def test_a_family_goes_through_everything(cuda_check, name, tmp_path):
    found = cuda_check.check(name, CPU, cuda_check.QUICK, tmp_path)
    assert found.well
    assert found.apart == 0.0  # it is the CPU that the device is held against
    assert min(found.images_per_second, found.sampled_per_second, found.peak_memory_mb) > 0


def test_losses_that_differ_or_a_training_that_ends_elsewhere_are_told(cuda_check):
    losses = np.array([[1.0, -4.0], [2.0, -3.0]])
    assert cuda_check.losses_apart(losses + [[0, 0], [0, 0.4]], losses) == pytest.approx(0.1)
    found = cuda_check.Found(0.0, True, 1.0, 1.0, 1.0, 1.0)
    assert found.well
    assert not replace(found, apart=0.1).well
    assert not replace(found, apart=float("nan")).well
    assert not replace(found, resumed=False).well


def test_random_numbers_are_the_cpus_whatever_the_device(cuda_check):
    torch.manual_seed(0)
    expected = [torch.randn(3, 2), torch.rand(4), torch.randint(-2, 3, (5,)), torch.randn(2, 2)]
    torch.manual_seed(0)
    with cuda_check.cpu_noise():
        drawn = [
            torch.randn(3, 2, device=CPU),
            torch.rand(4, device="cpu"),
            torch.randint(-2, 3, (5,), device=CPU),
            torch.randn_like(torch.empty(2, 2)),
        ]
    assert all(torch.equal(*pair) for pair in zip(drawn, expected, strict=True))


def test_every_family_of_networks_is_checked(cuda_check):
    from gencompare.models import MODELS

    chosen = {type(cuda_check.contender(name).model) for name in cuda_check.FAMILIES.values()}
    assert {name for name, cls in MODELS.items() if cls not in chosen} <= {
        "dcgan_upsample",
        "pretrained_unet",
    }
