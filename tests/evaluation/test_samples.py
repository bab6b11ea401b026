import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gencompare.config.typed import SettingError
from gencompare.evaluation.samples import load_samples

COLOUR = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), np.uint8)
GREY = COLOUR[..., :1]


def test_an_npz_keeps_images_and_labels(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", images=COLOUR, labels=np.arange(5, dtype=np.int32))
    found = load_samples(tmp_path / "s.npz", (16, 16, 3))
    assert np.array_equal(found.images, COLOUR)
    assert found.labels.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("name", ["images", "samples", "arr_0", "anything"])
def test_names_that_other_tools_use_are_found(tmp_path: Path, name: str) -> None:
    np.savez_compressed(tmp_path / "s.npz", **{name: COLOUR})
    assert np.array_equal(load_samples(tmp_path / "s.npz", (16, 16, 3)).images, COLOUR)


def test_channels_may_come_first_or_be_left_out(tmp_path: Path) -> None:
    np.save(tmp_path / "first.npy", COLOUR.transpose(0, 3, 1, 2))
    np.save(tmp_path / "none.npy", GREY[..., 0])
    assert np.array_equal(load_samples(tmp_path / "first.npy", (16, 16, 3)).images, COLOUR)
    assert np.array_equal(load_samples(tmp_path / "none.npy", (16, 16, 1)).images, GREY)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_folder_gives_its_pixels_in_the_order_of_names(tmp_path: Path, channels: int) -> None:
    for i, image in enumerate(GREY if channels == 1 else COLOUR):
        Image.fromarray(image.squeeze()).save(tmp_path / f"{i}.png")
    (tmp_path / "notes.txt").write_text("not an image")
    assert np.array_equal(load_samples(tmp_path, (16, 16, channels)).images, COLOUR[..., :channels])


def test_what_is_no_file_is_named_in_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for i, image in enumerate(COLOUR):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    load_samples(tmp_path, (16, 16, 3))
    assert caplog.messages == []
    (tmp_path / "a.png").symlink_to("nowhere")
    (tmp_path / "b").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "c\n.png")
    assert len(load_samples(tmp_path, (16, 16, 3)).images) == len(COLOUR)
    (said,) = caplog.messages
    assert said == (
        f"samples={str(tmp_path)!r}: left out a.png (a link to no file); b (a link to no file); "
        "c\\n.png (no regular file)"
    )


def test_what_is_not_scored_as_it_is_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for i, image in enumerate(COLOUR):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    seen_through = Image.fromarray(COLOUR[0]).convert("RGBA")
    seen_through.putpixel((0, 0), (0, 0, 0, 0))
    seen_through.save(tmp_path / "seen_through.png")
    load_samples(tmp_path, (16, 16, 3))
    (said,) = caplog.messages
    n = len(COLOUR) + 1
    assert said.endswith(f"not scored as they are, of {n} images: transparent places made white (1)")


def test_grey_and_colour_meet_where_nothing_is_lost(tmp_path: Path) -> None:
    np.save(tmp_path / "grey.npy", GREY)
    np.save(tmp_path / "tiled.npy", np.repeat(GREY, 3, axis=3))
    assert load_samples(tmp_path / "grey.npy", (16, 16, 3)).images.shape == (5, 16, 16, 3)
    assert np.array_equal(load_samples(tmp_path / "tiled.npy", (16, 16, 1)).images, GREY)


def refused(path: Path, shape: tuple[int, int, int] = (16, 16, 3)) -> str:
    with pytest.raises(SettingError) as refusal:
        load_samples(path, shape)
    message = str(refusal.value)
    assert message.startswith(f"samples={str(path)!r}: ")
    assert "\n" not in message
    return message


def test_what_cannot_be_scored_is_refused_in_one_line(tmp_path: Path) -> None:
    np.save(tmp_path / "tanh.npy", COLOUR.astype(np.float32) / 127.5 - 1)
    assert "float32 from -1 to 1; save them as uint8 from 0 to 255" in refused(tmp_path / "tanh.npy")
    np.save(tmp_path / "large.npy", np.zeros((5, 20, 20, 3), np.uint8))
    assert "20 x 20, but the image set is prepared at 16 x 16" in refused(tmp_path / "large.npy")
    np.save(tmp_path / "colour.npy", COLOUR)
    assert "is it the right image set?" in refused(tmp_path / "colour.npy", (16, 16, 1))
    np.save(tmp_path / "flat.npy", np.zeros((5, 768), np.uint8))
    assert "shape (5, 768)" in refused(tmp_path / "flat.npy")
    np.savez(tmp_path / "two.npz", a=COLOUR, b=COLOUR)
    assert "holds a, b; call the images images" in refused(tmp_path / "two.npz")
    np.savez(tmp_path / "short.npz", images=COLOUR, labels=np.arange(4))
    assert "4 labels for 5 images" in refused(tmp_path / "short.npz")
    np.savez(tmp_path / "soft.npz", images=COLOUR, labels=np.zeros((5, 10)))
    assert "one whole number an image" in refused(tmp_path / "soft.npz")


def test_a_pickle_is_refused_unread(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert "cannot be read as arrays" in refused(tmp_path / "objects.npy")


def test_places_without_images_are_refused(tmp_path: Path) -> None:
    assert "must be an existing folder" in refused(tmp_path / "nowhere")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no images in it" in refused(empty)
    (empty / "broken.png").write_bytes(b"not a png")
    assert "broken.png cannot be read" in refused(empty)


DTYPES = ["?", "i1", "u2", "i8", "f2", "f4", "c8", "U5", "S3", "M8[s]", "m8[s]", "i4,f4"]
SHAPES = [(), (0,), (5,), (0, 16, 16, 3), (5, 0, 0, 3), (5, 16, 16, 0), (5, 16, 16, 7), (1, 2, 3, 4, 5)]


def odd_files(folder: Path) -> list[Path]:
    """Sixty files and more that are no samples: cut short, damaged, and of wrong types and shapes."""
    rng, made = np.random.default_rng(0), []

    def write(name: str, content: bytes) -> None:
        (folder / name).write_bytes(content)
        made.append(folder / name)

    for kind, save in {"npy": np.save, "npz": np.savez_compressed}.items():
        save(folder / f"whole.{kind}", COLOUR)
        whole = (folder / f"whole.{kind}").read_bytes()
        for left in (0, 1, 8, 60, 130, len(whole) // 2, len(whole) - 1):
            write(f"cut-{left}.{kind}", whole[:left])
        for number in range(8):
            damaged = bytearray(whole)
            for place in rng.integers(0, 120, 6):
                damaged[place] = rng.integers(0, 256)
            write(f"damaged-{number}.{kind}", bytes(damaged))
        write(f"noise.{kind}", rng.bytes(500))
        write(f"lines.{kind}", b"\n" * 500)
    for number, dtype in enumerate(DTYPES):
        made.append(folder / f"dtype-{number}.npy")
        np.save(made[-1], np.zeros((5, 16, 16, 3), dtype))
    for number, shape in enumerate(SHAPES):
        made.append(folder / f"shape-{number}.npy")
        np.save(made[-1], np.zeros(shape, np.uint8))
        made.append(folder / f"labels-{number}.npz")
        np.savez(made[-1], images=COLOUR, labels=np.zeros(shape, int))
    made.append(folder / "nothing.npz")
    np.savez(made[-1])
    return made


def test_odd_files_are_read_or_refused_in_one_line(tmp_path: Path) -> None:
    files, read = odd_files(tmp_path), []
    for file in files:
        try:
            found = load_samples(file, (16, 16, 3))
        except SettingError as error:
            assert str(error).startswith("samples="), file
            assert "\n" not in str(error), file
        else:
            assert found.images.shape == COLOUR.shape, file
            read.append(file.name)
    assert len(files) >= 60
    assert {name.split("-")[0] for name in read} <= {"damaged", "labels", "cut"}
    assert len(read) < 10
