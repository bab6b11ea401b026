"""Read one image file safely: the right pixels, or a reason in words. Nothing in between.

PNG and the ends of all formats are checked by the decoders. A changed byte inside the compressed part of a
JPEG, GIF, WebP, or in an uncompressed file, gives another valid image that no reader can tell from the first.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps
from PIL.TiffImagePlugin import TiffImageFile

# only formats of pixels, decoded by Pillow itself: EPS or WMF would start other programs
FORMATS = ("JPEG", "MPO", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "AVIF")
SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .mpo .png .apng .gif .bmp .dib .tif .tiff .webp .ppm .pgm .pbm .pnm .avif".split()
)
UNREAD = frozenset(
    ".heic .heif .jxl .jp2 .j2k .tga .psd .exr .hdr .cr2 .cr3 .nef .arw .dng .raf .orf".split()
)
"""Suffixes of images in other formats, which are left out with a reason."""
BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"RIFF", b"P")
ORIENTATION = 0x0112
GREY = "grey among colour"
DEEP, DEEP_COLOUR = "16-bit", "16-bit colour, of which the upper 8 bits are read"
CLIPPED = "values above image_sets.folder.white clipped"
WHITE = 65535
"""The greatest 16-bit value."""
BITS, PHOTOMETRIC, WHITE_IS_ZERO = 258, 262, 0
"""Two tags of TIFF, and what the second one says where 0 is white."""


class UnreadableImage(Exception):
    """A file that gives no image. Its message is the reason."""


@dataclass(frozen=True)
class Read:
    """An image of mode L or RGB, upright, and what had to be done to it on the way."""

    image: Image.Image
    notes: tuple[str, ...]


def looks_like_image(path: str) -> bool:
    """Whether a file's name, or else its beginning, say that it is an image."""
    if os.path.splitext(path)[1].lower() in SUFFIXES:
        return True
    try:
        with open(path, "rb") as file:
            beginning = file.read(12)
        if not (beginning.startswith(BEGINNINGS) or beginning[4:] == b"ftypavif"):
            return False
        with Image.open(path, formats=_formats()):
            return True
    except Exception:  # broken headers raise anything, and all mean no
        return False


def read_image(path: str, *, grey: bool = False, max_pixels: int = 50_000_000, white: int = WHITE) -> Read:
    """Read an image file as 8-bit grey or RGB, turned upright as its EXIF says.

    The content decides the format, not the file's name. 16-bit values are scaled to 8 bits, transparent
    places become white, animations give their first frame.

    Args:
        grey: make one channel of it.
        max_pixels: images with more pixels are not opened.
        white: the 16-bit grey value that becomes 255, where the file itself does not say.

    Raises:
        UnreadableImage: if the file is empty, broken, cut short, of another kind, or of more than max_pixels.
    """
    try:
        if os.stat(path).st_size == 0:
            raise UnreadableImage("empty file")
        with Image.open(path, formats=_formats()) as opened:
            return _upright(opened, grey, max_pixels, white)
    except UnreadableImage:
        raise
    except Image.UnidentifiedImageError:
        raise UnreadableImage("not an image, or of a format that is not read here") from None
    except Image.DecompressionBombError:
        most = min(max_pixels, 2 * (Image.MAX_IMAGE_PIXELS or max_pixels))  # from where on Pillow opens none
        raise UnreadableImage(f"more than {most:,} pixels") from None
    except Exception as error:  # decoders of broken files raise anything
        raise UnreadableImage(_one_line(error)) from error


def _formats() -> list[str]:
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _upright(opened: Image.Image, grey: bool, max_pixels: int, white: int) -> Read:
    if opened.width * opened.height > max_pixels:
        raise UnreadableImage(f"{opened.width} x {opened.height}: more than {max_pixels:,} pixels")
    notes = []
    if getattr(opened, "n_frames", 1) > 1:
        notes.append("first frame of several")
        opened.seek(0)
    deep_colour = opened.mode[0] != "I" and ";16" in str(getattr(opened, "tile", ""))  # which loading forgets
    opened.load()
    if opened.getexif().get(ORIENTATION, 1) in range(2, 9):
        notes.append("turned upright by EXIF")
    image, converted = _to_8_bit(
        ImageOps.exif_transpose(opened), opened.format, _black_and_white(opened, white)
    )
    if image.mode == "L" and not grey:
        notes.append(GREY)
    if deep_colour:
        notes.append(DEEP_COLOUR)
    return Read(image.convert("L" if grey else "RGB"), (*notes, *converted))


def _black_and_white(opened: Image.Image, white: int) -> tuple[int, int]:
    """Which 16-bit values an image means by black and white, where Pillow leaves them as they are in the file."""
    if opened.format == "PPM":  # which Pillow scales by the white that it names
        return 0, WHITE
    tags = opened.tag_v2 if isinstance(opened, TiffImageFile) else {}
    white = min(white, 4095) if 12 in tags.get(BITS, ()) else white
    return (white, 0) if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO else (0, white)


def _to_8_bit(image: Image.Image, kind: str | None, ends: tuple[int, int]) -> tuple[Image.Image, list[str]]:
    """Bring any mode to L or RGB; of 16-bit values alone are those beyond `ends` (black and white) clipped."""
    mode = image.mode
    if mode == "F" or (mode == "I" and kind not in {"PNG", "PPM"}):  # Pillow gives 16-bit PNG as I, too
        which = "32-bit" if mode == "F" else "signed or 32-bit"
        raise UnreadableImage(f"{which} values (mode {mode}) of unknown range")
    if mode.startswith("I"):
        values = np.asarray(image).astype(np.float64)
        notes = [DEEP, *([CLIPPED] if values.max() > max(ends) else [])]
        levels = np.rint((values - ends[0]) * (255 / (ends[1] - ends[0]))).clip(0, 255)
        return Image.fromarray(levels.astype(np.uint8)), notes
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        if seen.getchannel("A").getextrema() == (255, 255):  # nothing is
            return seen.convert("RGB"), []
        paper = Image.new("RGBA", seen.size, "white")
        return Image.alpha_composite(paper, seen).convert("RGB"), ["transparent places made white"]
    if mode in {"L", "RGB"}:
        return image, []
    if mode == "1":
        return image.convert("L"), ["black and white"]
    return image.convert("RGB"), ["palette" if mode == "P" else mode]


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())[:200]
    return text or type(error).__name__
