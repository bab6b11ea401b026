"""Hundreds of damaged image files: each is refused with a reason or gives its true image, and none a traceback.

A changed byte inside pixels that no checksum covers (all formats here but PNG) gives another valid image, which
no reader can tell from the first; of those only the shape of the outcome is tested.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gencompare.config.typed import SettingError
from gencompare.imagesets import storage
from gencompare.imagesets.folder import Folder
from gencompare.imagesets.reading import UnreadableImage, read_image

pytestmark = pytest.mark.filterwarnings("ignore:Corrupt EXIF data")

FORMATS = {
    "jpg": {"quality": 90},
    "png": {},
    "gif": {},
    "bmp": {},
    "tif": {"compression": "tiff_lzw"},
    "webp": {"lossless": True},
    "ppm": {},
}
EACH = 11


def cut_short(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(1, len(content))]


def emptied(content: bytes, rng: random.Random) -> bytes:
    return b""


def with_a_tail(content: bytes, rng: random.Random) -> bytes:
    return content + rng.randbytes(rng.randrange(1, 500))


def headless(content: bytes, rng: random.Random) -> bytes:
    return rng.randbytes(16) + content[16:]


def noise(content: bytes, rng: random.Random) -> bytes:
    return rng.randbytes(len(content))


def with_one_bit_changed(content: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :]


def with_a_hole(content: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(content) // 2)
    return content[:place] + bytes(len(content) // 4) + content[place + len(content) // 4 :]


MUTATIONS: list[Callable[[bytes, random.Random], bytes]] = [
    cut_short,
    emptied,
    with_a_tail,
    headless,
    noise,
    with_one_bit_changed,
    with_a_hole,
]
UNNOTICEABLE = {"with_one_bit_changed", "with_a_hole"}


@pytest.fixture(scope="module")
def mutants(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, np.ndarray]]:
    """Damaged files, each with the pixels of the undamaged one."""
    folder = tmp_path_factory.mktemp("mutants")
    rng, made = random.Random(0), []
    for suffix, how in FORMATS.items():
        for mutation in MUTATIONS:
            for number in range(EACH):
                coarse = np.random.default_rng(number).integers(0, 256, (5, 6, 3), dtype=np.uint8)
                path = folder / f"{mutation.__name__}_{number}.{suffix}"
                Image.fromarray(coarse).resize((48, 40), Image.Resampling.BICUBIC).save(path, **how)
                true = np.asarray(read_image(str(path)).image)
                path.write_bytes(mutation(path.read_bytes(), rng))
                made.append((path, true))
    return made


def test_a_damaged_file_gives_a_reason_or_its_true_image(mutants):
    refused = 0
    for path, true in mutants:
        mutation = path.stem.rsplit("_", 1)[0]
        try:
            image = np.asarray(read_image(str(path)).image)
        except UnreadableImage as reason:
            refused += 1
            assert str(reason).strip(), path
            assert "\n" not in str(reason), path
            assert mutation != "with_a_tail", path
            continue
        assert image.dtype == np.uint8
        assert image.ndim == 3
        if path.suffix == ".png" or mutation not in UNNOTICEABLE:
            assert np.array_equal(image, true), path
        assert mutation not in {"emptied", "headless", "noise"}, path
    assert len(mutants) >= 300
    assert refused > len(mutants) / 2


def test_a_folder_of_damaged_files_is_prepared_with_each_of_them_accounted_for(mutants, tmp_path):
    folder = mutants[0][0].parent
    before = {path: path.stat().st_mtime_ns for path, _ in mutants}
    preparation = Folder(path=str(folder), resolution=16, unreadable=1.0).prepare()
    card = storage.write(preparation, tmp_path)
    gone = card["unreadable"]["count"] + card["duplicates"]["count"]
    assert sum(card["counts"].values()) + gone == card["files"] == len(mutants)
    assert card["unreadable"]["reasons"]["emptied_0.png"] == "empty file"
    assert {path: path.stat().st_mtime_ns for path, _ in mutants} == before
    assert len(list(folder.iterdir())) == len(mutants)


def test_too_large_a_share_of_damaged_files_stops_the_preparation_with_the_list(mutants, tmp_path):
    preparation = Folder(path=str(mutants[0][0].parent), resolution=16).prepare()
    with pytest.raises(
        SettingError, match=r"of 539 image files .*unreadable=0.01 .*cut_short_0.* more"
    ) as raised:
        storage.write(preparation, tmp_path)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / storage.CARD).exists()
