"""Read samples that another tool made: a folder of images, an `.npz` or an `.npy`."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path

import numpy as np

from gencompare.array_files import read_array, read_arrays
from gencompare.config.typed import SettingError, named_path
from gencompare.imagesets.arrays import Images
from gencompare.imagesets.chunks import in_order
from gencompare.imagesets.files import listed, printable, scan
from gencompare.imagesets.reading import GREY, UnreadableImage, read_image

logger = logging.getLogger(__name__)

IMAGE_ARRAYS = ("images", "samples", "arr_0")
LABEL_ARRAYS = ("labels", "arr_1")


def load_samples(path: str | Path, shape: tuple[int, int, int]) -> Images:
    """Read a sample set as it was saved; nothing is resized. What else becomes of an image on the way is said.

    Args:
        path: a folder of image files, in the order of their names (what in it is no file is named in the log); an
            `.npy`; or an `.npz` whose images are called `images`, `samples` or `arr_0`, or are its only array,
            and whose labels, if any, are called `labels` or `arr_1`. Arrays are uint8, channels last or first or
            none.
        shape: height, width and channels of the image set that they are scored against. Colour images are
            taken as grey where the set is grey and their channels are equal, grey ones as colour.

    Raises:
        SettingError: if there is nothing to read, or it is not uint8 images of this shape.
    """
    where = f"samples={str(path)!r}"
    path = named_path(path, "samples")
    if path.is_dir():
        return Images(_of_shape(_read_folder(path, shape, where), shape, where))
    if path.suffix not in (".npz", ".npy") or not path.is_file():
        raise SettingError(f"{where}: must be an existing folder of images, an .npz or an .npy file")
    images, labels = _read_arrays(path, where)
    return Images(_of_shape(_as_images(images, where), shape, where), labels)


def _read_folder(folder: Path, shape: tuple[int, int, int], where: str) -> np.ndarray:
    names, others = scan(folder)
    if others:
        left_out = sorted((printable(name), reason) for name, reason in others.items())
        logger.warning("%s: left out %s", where, listed(left_out))
    if not names:
        raise SettingError(f"{where}: there are no images in it, nor in its sub-folders")

    def read(name: str) -> tuple[np.ndarray, tuple[str, ...]]:
        try:
            found = read_image(str(folder / name))
            pixels = np.asarray(found.image)
        except UnreadableImage as reason:
            raise SettingError(f"{where}: {printable(name)} cannot be read ({reason})") from None
        if pixels.shape[:2] != shape[:2]:
            raise SettingError(f"{where}: {printable(name)} is {_size(pixels.shape)}, {_advice(shape)}")
        return pixels, found.notes

    images, notes = zip(*in_order(read, names), strict=True)
    changed = Counter(note for own in notes for note in own if note != GREY)  # which is told by its channels
    if changed:
        what = ", ".join(f"{note} ({count:,})" for note, count in sorted(changed.items()))
        logger.warning("%s: not scored as they are, of %d images: %s", where, len(images), what)
    return np.stack(images)


def _read_arrays(path: Path, where: str) -> tuple[np.ndarray, np.ndarray | None]:
    try:
        arrays = {"images": read_array(path)} if path.suffix == ".npy" else read_arrays(path)
    except Exception as reason:  # readers of broken files raise anything
        said = " ".join(str(reason).split()) or type(reason).__name__
        raise SettingError(f"{where}: cannot be read as arrays ({said[:200]})") from None
    if not arrays:
        raise SettingError(f"{where}: holds nothing; call the images {IMAGE_ARRAYS[0]}")
    found = [name for name in IMAGE_ARRAYS if name in arrays] or (list(arrays) if len(arrays) == 1 else [])
    if not found:
        raise SettingError(f"{where}: holds {', '.join(arrays)}; call the images {IMAGE_ARRAYS[0]}")
    labels = next((arrays[name] for name in LABEL_ARRAYS if name in arrays), None)
    if labels is not None and (labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer)):
        raise SettingError(
            f"{where}: labels are {labels.dtype} {labels.shape}; they must be one whole number an image"
        )
    images = arrays[found[0]]
    count = len(images) if images.ndim else 0
    if labels is not None and len(labels) != count:
        raise SettingError(f"{where}: {len(labels)} labels for {count} images")
    return images, None if labels is None else labels.astype(np.int64)


def _as_images(array: np.ndarray, where: str) -> np.ndarray:
    """Bring an array to uint8 (N, H, W, C)."""
    if array.size == 0:
        raise SettingError(f"{where}: there are no images in it, shape {array.shape}")
    if array.dtype != np.uint8:
        is_real = array.dtype.kind in "iuf"
        span = f" from {array.min():.3g} to {array.max():.3g}" if is_real else ""
        raise SettingError(
            f"{where}: images are {array.dtype}{span}; save them as uint8 "
            "from 0 to 255, for example ((x + 1) * 127.5).round() of [-1, 1]"
        )
    if array.ndim == 3:
        return array[..., None]
    if array.ndim != 4:
        raise SettingError(
            f"{where}: images have shape {array.shape}; it must be (count, height, width, channels)"
        )
    return array.transpose(0, 2, 3, 1) if array.shape[1] in (1, 3) and array.shape[3] not in (1, 3) else array


def _of_shape(images: np.ndarray, shape: tuple[int, int, int], where: str) -> np.ndarray:
    images = images[..., None] if images.ndim == 3 else images
    if images.shape[1:3] != shape[:2]:
        raise SettingError(f"{where}: its images are {_size(images.shape[1:])}, {_advice(shape)}")
    if images.shape[3] == shape[2]:
        return images
    if shape[2] == 3 and images.shape[3] == 1:
        return np.repeat(images, 3, axis=3)
    if shape[2] == 1 and images.shape[3] == 3 and (images == images[..., :1]).all():
        return np.ascontiguousarray(images[..., :1])
    raise SettingError(
        f"{where}: its images have {images.shape[3]} channels, but the image set has {shape[2]}; "
        "is it the right image set?"
    )


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} x {shape[1]}"


def _advice(shape: tuple[int, int, int]) -> str:
    return (
        f"but the image set is prepared at {_size(shape)}; prepare it at the samples' resolution (image_sets.<name>."
        "resolution), for resizing samples changes their scores"
    )
