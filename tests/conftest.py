"""Fixtures that every room shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


def absent(what: str) -> None:
    """Skip visibly on a user's machine; fail in CI, where everything must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing and CI must have it")
    pytest.skip(f"{what} is not on this machine")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real development images (pandas, CUB_200_2011, cifar10_jpeg)."""
    folder = Path(os.environ.get("GENCOMPARE_SHARED_DATA", PROJECT.parent / "shared" / "data"))
    if not (folder / "pandas").is_dir():
        absent("the folder of real development images (GENCOMPARE_SHARED_DATA)")
    return folder


@pytest.fixture(scope="session")
def sources(shared_data: Path) -> dict[str, dict[str, str]]:
    """Where the image sets that a user has to fetch lie, as parameters under `image_sets`."""
    return {
        "pandas": {"folder": str(shared_data / "pandas")},
        "cub200": {"folder": str(shared_data / "CUB_200_2011")},
        "cifar10": {"folder": str(shared_data / "cifar10_jpeg")},
    }


@pytest.fixture(scope="session")
def fashion_mnist_folder() -> Path:
    """The folder of FashionMNIST's four IDX files."""
    folder = Path(os.environ.get("GENCOMPARE_FASHION_MNIST", "/usr/share/datasets/fashion-mnist"))
    if not (folder / "train-images-idx3-ubyte.gz").is_file():
        absent("FashionMNIST (Debian package dataset-fashion-mnist)")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium to open pages with."""
    for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"):
        if Path(path).exists():
            return path
    absent("Chromium")
    raise AssertionError
