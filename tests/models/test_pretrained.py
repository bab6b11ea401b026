import json

import diffusers
import pytest
import torch

from gencompare.config.typed import SettingError
from gencompare.models.parts.shape import ImageShape
from gencompare.models.pretrained_settings import PretrainedUNet
from gencompare.sampling import SAMPLERS
from gencompare.sampling.base import Streams
from gencompare.sampling.images import sample

SHAPE = ImageShape(1, 16)


@pytest.fixture(scope="module")
def pipeline():
    torch.manual_seed(0)
    unet = diffusers.UNet2DModel(
        sample_size=16,
        in_channels=1,
        out_channels=1,
        layers_per_block=1,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        norm_num_groups=4,
    )
    scheduler = diffusers.DDIMScheduler(
        100, clip_sample=True, timestep_spacing="trailing", prediction_type="v_prediction"
    )
    return diffusers.DDIMPipeline(unet, scheduler)


@pytest.fixture
def folder(pipeline, tmp_path):
    pipeline.save_pretrained(tmp_path)
    return tmp_path


def test_it_samples_what_diffusers_own_ddim_samples(pipeline, folder):
    model = PretrainedUNet(folder=str(folder))
    model.check(SHAPE)
    sampler = SAMPLERS["ddim"](steps=10).sampler(model.networks(SHAPE), SHAPE, {})
    x = torch.randn(2, 1, 16, 16)
    path = sampler.path(x, None, Streams(0, range(2), sampler.device), frames=1)
    with torch.no_grad():
        [ours] = path
        pipeline.scheduler.set_timesteps(10)
        for step in pipeline.scheduler.timesteps:
            x = pipeline.scheduler.step(
                pipeline.unet(x, step).sample, step, x, use_clipped_model_output=True
            ).prev_sample
    assert torch.allclose(ours, x, atol=1e-3)
    assert sample(sampler, 1, None, 0).shape == (1, 16, 16, 1)


def test_pickled_weights_are_refused(pipeline, folder):
    pipeline.unet.save_pretrained(folder / "unet", safe_serialization=False)
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(
        SettingError, match=r"has no unet/diffusion_pytorch_model.safetensors.*safe_serialization"
    ):
        PretrainedUNet(folder=str(folder)).check(SHAPE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"_class_name": "UNet2DConditionModel"}, "is a UNet2DConditionModel"),
        ({"num_class_embeds": 10}, "takes class labels"),
        ({"out_channels": 3}, "makes 3 channels, and the images have 1"),
        ({"block_out_channels": [8] * 6}, "a multiple of 32, not 16"),
    ],
)
def test_a_unet_that_does_not_fit_is_refused(folder, change, message):
    path = folder / "unet" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(SettingError, match=message):
        PretrainedUNet(folder=str(folder)).check(SHAPE)


def test_a_folder_that_is_no_pipeline_is_refused(tmp_path):
    with pytest.raises(SettingError, match=r"unet/config.json cannot be read"):
        PretrainedUNet(folder=str(tmp_path)).check(SHAPE)
