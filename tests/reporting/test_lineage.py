"""What a contender is, in a line."""

import pytest

from gencompare.reporting.lineage import lineage


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"model.process": "cosine", "objective.name": "denoising"}, ("Diffusion model", "2020")),
        ({"model.process": "flow", "objective.name": "denoising"}, ("Flow matching", "2022")),
        ({"model.process": "edm", "objective.name": "denoising"}, ("preconditioned", "2022")),
        ({"model.process": "edm", "objective.name": "consistency"}, ("one or two evaluations", "2024")),
        ({"model.name": "dcgan", "objective.name": "r3gan"}, ("Convolutional GAN", "relativistic", "2024")),
        ({"model.name": "r3gan", "objective.name": "r3gan"}, ("2501.05441",)),
    ],
)
def test_families_that_share_a_network_are_told_apart(settings, said):
    line = lineage({"model.name": "unet"} | settings)
    assert all(part in line for part in said)
    assert line.count("Ho et al. 2020") == (settings.get("model.process") == "cosine")
