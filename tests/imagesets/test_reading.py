from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from gencompare.imagesets.reading import UnreadableImage, looks_like_image, read_image


@pytest.fixture
def picture() -> Image.Image:
    coarse = np.random.default_rng(0).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((48, 40), Image.Resampling.BICUBIC)


def pixels(path: Path, **how) -> np.ndarray:
    return np.asarray(read_image(str(path), **how).image)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "ppm", "webp"])
def test_lossless_formats_give_the_very_pixels(tmp_path, picture, suffix):
    path = tmp_path / f"picture.{suffix}"
    picture.save(path, **({"lossless": True} if suffix == "webp" else {}))
    assert np.array_equal(pixels(path), np.asarray(picture))


def test_the_content_decides_not_the_name(tmp_path, picture):
    for name in ("picture.jpg", "picture.txt", "picture"):
        picture.save(tmp_path / name, format="PNG")
        assert looks_like_image(str(tmp_path / name))
        assert np.array_equal(pixels(tmp_path / name), np.asarray(picture))


def test_text_is_no_image_unless_its_name_says_so(tmp_path):
    for name in ("notes.txt", "P.txt", "BM"):
        (tmp_path / name).write_text("Pandas eat bamboo." if name == "P.txt" else "BMW")
        assert not looks_like_image(str(tmp_path / name))
    (tmp_path / "notes.jpg").write_text("Pandas eat bamboo.")
    assert looks_like_image(str(tmp_path / "notes.jpg"))
    with pytest.raises(UnreadableImage, match="not an image"):
        read_image(str(tmp_path / "notes.jpg"))


def test_cmyk_becomes_the_rgb_it_stands_for(tmp_path):
    inks = {(0, 255, 255, 0): (255, 0, 0), (255, 0, 0, 0): (0, 255, 255), (0, 0, 0, 255): (0, 0, 0)}
    for ink, colour in inks.items():
        path = tmp_path / "ink.jpg"
        Image.new("CMYK", (16, 16), ink).save(path, quality=100, subsampling=0)
        read = read_image(str(path))
        assert read.notes == ("CMYK",)
        assert np.abs(np.asarray(read.image).astype(int) - colour).max() <= 3


def test_16_bit_grey_is_scaled_not_clipped(tmp_path):
    levels = np.arange(256, dtype=np.uint16).reshape(16, 16)
    for suffix in ("png", "tif"):
        path = tmp_path / f"deep.{suffix}"
        Image.fromarray(levels * 257).save(path)
        read = read_image(str(path), grey=True)
        assert np.array_equal(np.asarray(read.image), levels)
        assert read.notes == ("16-bit",)


def _tiff(values: np.ndarray, bits: int, photometric: int, signed: bool = False) -> bytes:
    """Write grey values as an uncompressed TIFF of so many bits; photometric 0: 0 is white."""
    height, width = values.shape
    packed = values.astype("<u2").tobytes()
    if bits == 12:
        text = "".join(f"{value:012b}" for value in values.ravel())
        packed = bytes(int(text[start : start + 8], 2) for start in range(0, len(text), 8))
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 273: 8 + 2 + 12 * 10 + 4}
    tags |= {277: 1, 278: height, 279: len(packed), 339: 1 + signed}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + b"\0" * 4 + packed


@pytest.mark.parametrize(("bits", "white", "photometric"), [(16, 4095, 1), (12, 65535, 1), (16, 65535, 0)])
def test_black_and_white_are_the_values_that_mean_them(tmp_path, bits, white, photometric):
    levels = np.arange(256).reshape(16, 16)
    greatest = min(white, 2**bits - 1)
    values = np.rint((levels if photometric else 255 - levels) * (greatest / 255))
    (tmp_path / "deep.tif").write_bytes(_tiff(values.astype(np.uint16), bits, photometric))
    read = read_image(str(tmp_path / "deep.tif"), grey=True, white=white)
    assert np.array_equal(np.asarray(read.image), levels)
    assert read.notes == ("16-bit",)


def test_what_is_brighter_than_white_is_counted(tmp_path):
    Image.fromarray(np.full((8, 8), 5000, np.uint16)).save(tmp_path / "deep.png")
    read = read_image(str(tmp_path / "deep.png"), grey=True, white=4095)
    assert read.notes == ("16-bit", "values above image_sets.folder.white clipped")
    assert read.image.getpixel((0, 0)) == 255


def test_white_is_named_by_a_pgm_itself(tmp_path):
    values = np.array([[0, 2048, 4095]], ">u2")
    (tmp_path / "deep.pgm").write_bytes(b"P5 3 1 4095\n" + values.tobytes())
    assert pixels(tmp_path / "deep.pgm", grey=True, white=4095).tolist() == [[0, 128, 255]]


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_of_16_bit_colour_the_upper_half_is_read_and_that_is_noted(tmp_path, suffix):
    deep = np.random.default_rng(0).integers(0, 65536, (8, 8, 3), np.uint16)
    cv2.imwrite(str(tmp_path / f"deep.{suffix}"), deep)
    read = read_image(str(tmp_path / f"deep.{suffix}"))
    assert np.array_equal(np.asarray(read.image), deep[..., ::-1] >> 8)
    assert read.notes == ("16-bit colour, of which the upper 8 bits are read",)


def test_32_bit_values_are_refused_because_their_range_is_unknown(tmp_path):
    path = tmp_path / "deep.tif"
    for dtype in (np.float32, np.int32):
        Image.fromarray(np.ones((8, 8), dtype)).save(path)
        with pytest.raises(UnreadableImage, match="range"):
            read_image(str(path))
    path.write_bytes(_tiff(np.ones((8, 8)), 16, 1, signed=True))
    with pytest.raises(UnreadableImage, match=r"^signed or 32-bit values \(mode I\) of unknown range$"):
        read_image(str(path))


def test_palette_and_bilevel_give_the_colours_they_index(tmp_path, picture):
    indexed = picture.quantize(16)
    indexed.save(tmp_path / "palette.png")
    assert np.array_equal(pixels(tmp_path / "palette.png"), np.asarray(indexed.convert("RGB")))
    bilevel = picture.convert("1")
    bilevel.save(tmp_path / "bilevel.png")
    assert np.array_equal(
        pixels(tmp_path / "bilevel.png", grey=True), 255 * np.asarray(bilevel).astype(np.uint8)
    )


def test_transparent_places_become_white(tmp_path):
    clear = Image.new("RGBA", (8, 8), (200, 0, 0, 255))
    clear.paste((0, 0, 200, 0), (0, 0, 4, 8))
    clear.save(tmp_path / "clear.png")
    read = read_image(str(tmp_path / "clear.png"))
    assert read.image.getpixel((1, 1)) == (255, 255, 255)
    assert read.image.getpixel((6, 1)) == (200, 0, 0)
    indexed = Image.new("P", (8, 8), 0)
    indexed.putpalette([0, 0, 200, 200, 0, 0])
    indexed.paste(1, (4, 0, 8, 8))
    indexed.save(tmp_path / "clear.gif", transparency=0)
    read = read_image(str(tmp_path / "clear.gif"))
    assert read.image.getpixel((1, 1)) == (255, 255, 255)
    assert read.image.getpixel((6, 1)) == (200, 0, 0)


def test_what_could_be_transparent_and_is_nowhere_is_not_noted(tmp_path, picture):
    opaque = picture.convert("RGBA")
    opaque.save(tmp_path / "opaque.png")
    read = read_image(str(tmp_path / "opaque.png"))
    assert read.notes == ()
    assert np.array_equal(np.asarray(read.image), np.asarray(picture))
    opaque.putpixel((0, 0), (0, 0, 0, 254))
    opaque.save(tmp_path / "clear.png")
    assert read_image(str(tmp_path / "clear.png")).notes == ("transparent places made white",)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_animations_give_their_first_frame(tmp_path, suffix):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    lossless = {"lossless": True} if suffix == "webp" else {}
    frames[0].save(tmp_path / f"film.{suffix}", save_all=True, append_images=frames[1:], **lossless)
    read = read_image(str(tmp_path / f"film.{suffix}"))
    assert read.image.getpixel((4, 4)) == (255, 0, 0)
    assert "first frame of several" in read.notes


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_image_upright(tmp_path, picture, orientation):
    upright = np.asarray(picture)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: upright.transpose(1, 0, 2)[::-1, ::-1],
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.png"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif)
    assert np.array_equal(pixels(path), upright)
    assert ("turned upright by EXIF" in read_image(str(path)).notes) == (orientation > 1)


def test_a_decompression_bomb_is_not_opened(tmp_path):
    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    for side in (8_000, 60_000):
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
        content = (
            b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
        )
        (tmp_path / "bomb.png").write_bytes(content)
        with pytest.raises(UnreadableImage, match="50,000,000 pixels"):
            read_image(str(tmp_path / "bomb.png"))
    with pytest.raises(UnreadableImage, match="178,956,970 pixels"):
        read_image(str(tmp_path / "bomb.png"), max_pixels=10**10)


def test_a_limit_on_pixels_is_kept(tmp_path, picture):
    picture.save(tmp_path / "picture.png")
    assert pixels(tmp_path / "picture.png", max_pixels=48 * 40).shape == (40, 48, 3)
    with pytest.raises(UnreadableImage, match="48 x 40"):
        read_image(str(tmp_path / "picture.png"), max_pixels=48 * 40 - 1)


@pytest.mark.parametrize("what", ["missing", "folder", "empty"])
def test_what_is_no_file_with_content_is_unreadable(tmp_path, what):
    path = tmp_path / "picture.png"
    if what == "folder":
        path.mkdir()
    elif what == "empty":
        path.touch()
    with pytest.raises(UnreadableImage) as raised:
        read_image(str(path))
    assert "\n" not in str(raised.value)
