"""Small real image sets, prepared as a comparison prepares them, and one feature cache for all of pytest's processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gencompare import source_code
from gencompare.evaluation import learnt
from gencompare.evaluation.scoring import describe_reference
from gencompare.evaluation.settings import EvaluationSettings
from gencompare.imagesets.arrays import ImageSplits
from gencompare.imagesets.base import ImageSet
from gencompare.imagesets.fashion_mnist import FashionMNIST
from gencompare.imagesets.squares import Squares
from gencompare.imagesets.storage import read, write

N = 300
Edit = Callable[[str, str], None]
FEW = 100  # enough where only real images and noise are told apart


@pytest.fixture(scope="session", autouse=True)
def _learns_shortly() -> Iterator[None]:
    """Let the second extractor see a third of what it sees otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learnt, "MOST_IMAGES", 30_000)
        yield


@pytest.fixture(scope="session")
def cache(once: Callable[..., Path]) -> Path:
    return once("features", lambda folder: None)


@pytest.fixture(scope="session")
def settings() -> EvaluationSettings:
    return EvaluationSettings(samples=N, bootstrap=40, device="cpu")


@pytest.fixture(scope="session")
def few(settings: EvaluationSettings) -> EvaluationSettings:
    return replace(settings, samples=FEW)


@pytest.fixture(scope="session")
def squares(tmp_path_factory: pytest.TempPathFactory) -> ImageSplits:
    return prepared(Squares(count=1200, heldout=600), tmp_path_factory)


@pytest.fixture(scope="session")
def clothes(tmp_path_factory: pytest.TempPathFactory, fashion_mnist_folder: Path) -> ImageSplits:
    """FashionMNIST, its first 4,000 and 600."""
    return prepared(FashionMNIST(count=4000, heldout=600, folder=str(fashion_mnist_folder)), tmp_path_factory)


@pytest.fixture(scope="session")
def squares_reference(squares: ImageSplits, few: EvaluationSettings, cache: Path) -> dict:
    return describe_reference(squares, few, cache)


@pytest.fixture(scope="session")
def clothes_reference(clothes: ImageSplits, settings: EvaluationSettings, cache: Path) -> dict:
    return describe_reference(clothes, settings, cache)


def prepared(image_set: ImageSet, folders: pytest.TempPathFactory) -> ImageSplits:
    folder = folders.mktemp(image_set.name)
    write(image_set.prepare(), folder)
    return read(folder)


@pytest.fixture
def edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Edit]:
    """Have one module of this package hashed with further code at its end: `edit("imagesets.arrays", "OTHER = 1")`."""
    other, file = tmp_path / "other.py", source_code._file

    def edit(module: str, code: str) -> None:
        other.write_text(file(f"gencompare.{module}", source_code.PACKAGE).read_text() + code)
        monkeypatch.setattr(
            source_code,
            "_file",
            lambda name, package: other if name.endswith(module) else file(name, package),
        )
        source_code.code_hash.cache_clear()

    yield edit
    source_code.code_hash.cache_clear()
