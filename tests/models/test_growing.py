import copy

import pytest
import torch
from torch.nn import functional as F

from gencompare.models.parts.growing import WHOLE, Growing, Stage, schedule
from gencompare.models.parts.layers import enlarged, shrunk


def growing(resolution=16, **settings):
    return Growing(resolution, **({"growth": 0.5, "lr_scales": {}} | settings))


def test_phases_are_equally_long_and_alternate_until_the_rest_is_the_last_resolution():
    stages = [schedule(step / 80, growth=0.5, levels=3) for step in range(80)]
    assert [(stage.resolution, stage.alpha) for stage in stages[:10]] == [(4, 1.0)] * 10
    assert [stage.resolution for stage in stages[10:20]] == [8] * 10
    assert [stage.alpha for stage in stages[10:20]] == pytest.approx([i / 10 for i in range(10)], abs=1e-4)
    assert [(stage.resolution, stage.alpha) for stage in stages[20:30]] == [(8, 1.0)] * 10
    assert [stage.alpha for stage in stages[30:40]] == pytest.approx([i / 10 for i in range(10)], abs=1e-4)
    assert [(stage.resolution, stage.alpha) for stage in stages[40:]] == [(16, 1.0)] * 40


def test_without_fading_a_level_is_there_at_once_where_its_fade_in_would_begin():
    stages = [schedule(step / 80, growth=0.5, levels=3, fading=False) for step in range(80)]
    assert [stage.resolution for stage in stages] == [4] * 10 + [8] * 20 + [16] * 50
    assert {stage.alpha for stage in stages} == {1.0}


@pytest.mark.parametrize("levels", [2, 3, 4, 5, 6])
def test_every_level_has_its_turn_and_none_comes_back(levels):
    seen = [schedule(step / 1000, growth=0.7, levels=levels) for step in range(1000)]
    places = [stage.level + stage.alpha for stage in seen]
    assert {stage.level for stage in seen} == set(range(levels))
    assert places == sorted(places)
    assert seen[-1] == Stage(levels - 1)


def test_advance_says_when_the_resolution_is_another():
    network = growing()
    changed = [network.advance(step / 40) for step in range(40)]
    assert network.stage == Stage(2)
    assert [step for step, new in enumerate(changed) if new] == [0, 5, 15]  # fully grown when made


def test_learning_rates_follow_the_resolution():
    network = growing(lr_scales={8: 0.5, 16: 2.0})
    scales = []
    for progress in (0.0, 0.2, 0.9):
        network.advance(progress)
        scales.append(network.lr_scale)
    assert scales == [1.0, 0.5, 2.0]


def test_the_stage_travels_with_the_weights():
    network, other = growing(), growing()
    network.stage = Stage(1, WHOLE // 4)
    other.load_state_dict(copy.deepcopy(network.state_dict()))
    assert other.stage == Stage(1, WHOLE // 4)
    assert other.stage.alpha == 0.25


def test_enlarging_is_undone_by_shrinking():
    images = torch.randn(2, 3, 4, 4)
    assert torch.allclose(shrunk(enlarged(images, 4), 4), images)
    assert enlarged(images, 2)[0, 0, :2, :2].unique().numel() == 1


def test_real_images_are_seen_with_the_detail_of_the_stage():
    images = torch.randn(2, 1, 16, 16)
    network = growing()
    assert torch.equal(network.view(images), images)
    network.stage = Stage(1)
    by_eight = F.avg_pool2d(images, 2)
    assert torch.allclose(shrunk(network.view(images), 2), by_eight)
    network.stage = Stage(1, 0)
    assert torch.allclose(shrunk(network.view(images), 4), F.avg_pool2d(images, 4), atol=1e-6)
    assert torch.allclose(network.view(images), enlarged(F.avg_pool2d(images, 4), 4), atol=1e-6)
    network.stage = Stage(1, WHOLE // 2)
    half = 0.5 * by_eight + 0.5 * enlarged(F.avg_pool2d(images, 4), 2)
    assert torch.allclose(network.view(images), enlarged(half, 2), atol=1e-6)


def test_the_stage_stays_on_the_cpu_wherever_the_network_goes():
    network = growing()
    network.weight = torch.nn.Parameter(torch.zeros(2))
    network.stage = Stage(1, WHOLE // 2)
    moved = torch.nn.Sequential(network).to("meta")[0]
    assert moved.weight.device.type == "meta"
    assert moved.stage_numbers.device.type == "cpu"
    assert moved.stage == Stage(1, WHOLE // 2)
    assert moved.state_dict()["stage_numbers"].tolist() == [1, WHOLE // 2]
