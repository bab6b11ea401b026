import numpy as np
import pytest

from gencompare.config.typed import SettingError
from gencompare.imagesets.arrays import Images
from gencompare.imagesets.subset import Subset


@pytest.fixture
def images() -> Images:
    numbers = np.arange(12)
    pixels = np.tile(numbers.astype(np.uint8)[:, None, None, None], (1, 4, 4, 1))
    return Images(
        pixels, numbers.astype(np.int64) % 3, {"recipe": np.array(["basic"] * 6 + ["advanced"] * 6)}
    )


def numbers(images: Images) -> list[int]:
    return images.images[:, 0, 0, 0].tolist()


def test_all_images_are_chosen_unless_something_is_given(images):
    assert Subset().of(images) is images


def test_a_count_is_spread_evenly_over_the_split(images):
    chosen = Subset(count=4).of(images)
    assert numbers(chosen) == [0, 3, 6, 9]
    assert chosen.labels.tolist() == [0, 0, 0, 0]
    assert chosen.factors["recipe"].tolist() == ["basic", "basic", "advanced", "advanced"]


def test_a_factor_chooses_before_the_count(images):
    assert numbers(Subset(only={"recipe": "advanced"}).of(images)) == [6, 7, 8, 9, 10, 11]
    assert numbers(Subset(only={"recipe": "advanced"}, count=2).of(images)) == [6, 9]


@pytest.mark.parametrize(
    ("subset", "message"),
    [
        (Subset(count=13), "images.count=13: there are only 12 training images"),
        (
            Subset(only={"colour": "red"}),
            "images.only.colour: the image set has no such factor; it has: recipe",
        ),
        (
            Subset(only={"recipe": "none"}),
            "images.only.recipe='none': no image has it; there are: advanced, basic",
        ),
    ],
)
def test_what_cannot_be_chosen_is_refused_by_name(images, subset, message):
    with pytest.raises(SettingError, match=message):
        subset.of(images)
