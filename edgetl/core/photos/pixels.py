"""Photo file → uint8 [height, width, 3], RGB, 0..255: the only preprocessing of a photo.

Training, calibration, verification and the device run this file, so a model gets the same pixels everywhere. It imports
only the standard library, numpy and Pillow (9.4 or newer), and runs on Python 3.9.

The steps, in order:
1. The format follows from the first bytes: JPEG, PNG, BMP, GIF (first frame), WebP, TIFF.
2. A large JPEG is decoded at 1/2, 1/4 or 1/8 while its shorter side keeps FLOOR_PX and the longer side of the result.
3. EXIF orientation is applied. Colour profiles are ignored.
4. Every colour mode is converted to RGB: transparent pixels are blended with white, 16-bit grey is divided by 257.
5. `fit` gives it the shape of the result: "crop" cuts out the largest centred part, "stretch" resizes all of it, "pad"
   adds black bars. The resize is Pillow's antialiased bilinear filter in fixed point: its result depends on no machine.
"""

from __future__ import annotations

import io
import os
import re
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image, ImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

FITS = ("crop", "stretch", "pad")
# A reduced decode keeps so many pixels. One decode then serves every model up to this side, and the thumbnail.
FLOOR_PX = 192
MAX_PIXELS = 89_000_000  # Just below 89 478 485, where Pillow warns of a decompression bomb.
MAX_BYTES = 256 * 1024 * 1024

# First bytes → reader. The readers are called directly: Image.open depends on the plugins that other code has
# registered, warns about large photos, and imports plugins from many threads at once.
READERS: list[tuple[bytes, type[ImageFile.ImageFile]]] = [
    (rb"\xff\xd8\xff", JpegImageFile),
    (rb"\x89PNG\r\n\x1a\n", PngImageFile),
    (rb"BM", BmpImageFile),
    (rb"GIF8[79]a", GifImageFile),
    (rb"RIFF....WEBP", WebPImageFile),
    (rb"II[*+]\0|MM\0[*+]", TiffImageFile),
]
# EXIF orientation → transposition that makes the photo upright. Source: EXIF 2.32, tag 274.
_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# The readers of these formats apply the orientation themselves: Pillow does for a TIFF in every version since 9.4.
_UPRIGHT_FORMATS = frozenset({"TIFF", "HEIF", "JXL"})
# Pillow raises all of these on damaged files (found by fuzzing); a Warning is raised where warnings are errors.
_DAMAGE_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    Warning,
    struct.error,
    zlib.error,
)


class PhotoError(ValueError):
    """A file is not a usable photo. The message is one short phrase that fits into a table."""


def load_photo(path: str | os.PathLike[str], height_px: int, width_px: int, fit: str) -> np.ndarray:
    """Read and decode a photo file.

    Args:
        path: JPEG, PNG, BMP, GIF, WebP or TIFF.
        height_px, width_px: size of the result.
        fit: "crop", "stretch" or "pad".

    Returns:
        uint8 [height_px, width_px, 3], RGB, 0..255, read-only.

    Raises:
        PhotoError: the file cannot be read or is not a usable photo.
        ValueError: unknown `fit`, or a height or a width below 1.
    """
    return decode_photo(read_photo(path), height_px, width_px, fit)


def decode_photo(data: bytes, height_px: int, width_px: int, fit: str) -> np.ndarray:
    """Decode the content of a photo file: uint8 [height_px, width_px, 3]. Arguments and errors: see `load_photo`."""
    _check_arguments(height_px, width_px, fit)
    return fit_image(decode_image(open_image(data), max(height_px, width_px)), height_px, width_px, fit)


def read_photo(path: str | os.PathLike[str]) -> bytes:
    """Read a file. Raises PhotoError if that fails or the file is larger than MAX_BYTES."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123  (the path may be a plain string on the device)
            if os.fstat(file.fileno()).st_size > MAX_BYTES:
                raise PhotoError(f"file over the limit of {MAX_BYTES >> 20} MiB")
            return file.read()
    except OSError as error:
        raise PhotoError(f"cannot be read: {error.strerror or error}") from error


def open_image(data: bytes) -> ImageFile.ImageFile:
    """Read the header of a photo and check its size; the pixels are not decoded yet. Raises PhotoError."""
    reader = next((reader for magic, reader in READERS if re.match(magic, data, re.DOTALL)), None)
    if reader is None:
        raise PhotoError(_describe_unknown(data))
    with _translate_errors(reader):
        photo = reader(io.BytesIO(data))
    if photo.width * photo.height > MAX_PIXELS:
        megapixels = photo.width * photo.height / 1e6
        raise PhotoError(f"{megapixels:.0f} megapixels: over the limit of {MAX_PIXELS // 1_000_000}")
    return photo


def choose_reduction(photo: ImageFile.ImageFile, side_px: int) -> int:
    """Choose by which factor to reduce a photo for a result of that longer side: 1, 2, 4 or 8; 1 for all but JPEG."""
    if photo.format != "JPEG":
        return 1
    largest = min(photo.size) // max(side_px, FLOOR_PX)
    return next(factor for factor in (8, 4, 2, 1) if largest >= factor or factor == 1)


def decode_image(photo: ImageFile.ImageFile, side_px: int) -> Image.Image:
    """Decode an opened photo to an upright RGB image, for a result of that longer side. Raises PhotoError."""
    factor = choose_reduction(photo, side_px)
    with _translate_errors(type(photo)):
        if factor > 1:
            photo.draft(None, (photo.width // factor, photo.height // factor))
        photo.load()
        rgb = _convert_to_rgb(photo)
        upright = photo.format in _UPRIGHT_FORMATS
        orientation = 1 if upright else _read_orientation(photo.info)
        return rgb.transpose(_TRANSPOSITIONS[orientation]) if orientation in _TRANSPOSITIONS else rgb


def fit_image(image: Image.Image, height_px: int, width_px: int, fit: str) -> np.ndarray:
    """Bring an image in memory, such as a camera frame, to uint8 [height_px, width_px, 3].

    Raises:
        PhotoError: a colour mode that cannot be converted to RGB (floating point, 32-bit, Lab).
        ValueError: unknown `fit`, or a height or a width below 1.
    """
    _check_arguments(height_px, width_px, fit)
    rgb = _convert_to_rgb(image)
    width, height = rgb.size
    size, box = (width_px, height_px), (0.0, 0.0, float(width), float(height))
    # Products of integers are exact: a photo of the shape of the result is never taken for a wider one.
    wider = width * height_px >= height * width_px
    if fit == "crop":
        part = (height * width_px / height_px, height) if wider else (width, width * height_px / width_px)
        left, top = (width - part[0]) / 2, (height - part[1]) / 2
        box = (left, top, left + part[0], top + part[1])
    elif fit == "pad":
        rows, columns = round(height * width_px / width), round(width * height_px / height)
        # At least one pixel, for photos that are many times longer than wide.
        size = (width_px, max(1, rows)) if wider else (max(1, columns), height_px)
    resized = _resize(rgb, size, box)
    if fit == "pad":
        canvas = Image.new("RGB", (width_px, height_px), "black")
        canvas.paste(resized, ((width_px - size[0]) // 2, (height_px - size[1]) // 2))
        resized = canvas
    return np.asarray(resized)


def _resize(rgb: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float]) -> Image.Image:
    """Resize the part of an image within `box`, one axis at a time, the longer axis first.

    Versions of Pillow differ in the axis that they resize first, which changes the rounding of some pixels by one.
    """
    (columns, rows), (left, top, right, bottom), bilinear = size, box, Image.Resampling.BILINEAR
    if rgb.width >= rgb.height:
        narrow = rgb.resize((columns, rgb.height), bilinear, box=(left, 0, right, rgb.height))
        return narrow.resize(size, bilinear, box=(0, top, columns, bottom))
    low = rgb.resize((rgb.width, rows), bilinear, box=(0, top, rgb.width, bottom))
    return low.resize(size, bilinear, box=(left, 0, right, rows))


def _check_arguments(height_px: int, width_px: int, fit: str) -> None:
    if fit not in FITS:
        raise ValueError(f"unknown fit {fit!r}: known are {', '.join(FITS)}")
    if min(height_px, width_px) < 1:
        raise ValueError(f"{height_px} x {width_px} px: a height and a width of at least 1 are needed")


def _convert_to_rgb(image: Image.Image) -> Image.Image:
    """Convert an image to RGB, with white behind its transparent pixels."""
    if image.mode.startswith("I"):
        image = _reduce_to_8_bits(image)
    palette = image.palette.mode if image.mode == "P" and image.palette else ""
    if image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or palette == "RGBA" or "transparency" in image.info:
        foreground = image.convert("RGBA")
        white = Image.new("RGBA", foreground.size, "white")
        return Image.alpha_composite(white, foreground).convert("RGB")
    if image.mode in ("RGB", "RGBX", "L", "1", "P", "CMYK", "YCbCr"):
        return image if image.mode == "RGB" else image.convert("RGB")
    raise PhotoError(f"{image.mode} pixels are not supported")


def _reduce_to_8_bits(image: Image.Image) -> Image.Image:
    """Divide 16-bit grey, 0..65535, by 257 and round. Pillow's own conversion clips at 255 instead."""
    grey = np.asarray(image).astype(np.int64)
    if grey.min() < 0 or grey.max() > 65535:
        raise PhotoError("32-bit pixels are not supported")
    return Image.fromarray(((grey + 128) // 257).astype(np.uint8))


def _read_orientation(info: dict[Any, Any]) -> int:
    """Read tag 274 of the EXIF block in Pillow's `info`; 1 (upright) if there is none or the block is damaged.

    Pillow's reader warns about damaged blocks, which are common, and its versions treat XMP differently.
    """
    # ImageMagick writes the block into a PNG as text: an empty line, its kind, its length, and hexadecimal digits.
    text = info.get("Raw profile type exif") or info.get("Raw profile type APP1") or ""
    try:
        block = (info.get("exif") or bytes.fromhex("".join(text.split("\n")[3:]))).split(b"Exif\0\0", 1)[-1]
        byte_order = {b"II": "<", b"MM": ">"}[block[:2]]
        start = struct.unpack_from(byte_order + "I", block, 4)[0]
        entries = struct.unpack_from(byte_order + "H", block, start)[0]
        # An entry has 12 bytes: tag, type (3 is a 16-bit integer), number of values, value.
        for entry in range(start + 2, start + 2 + 12 * entries, 12):
            tag, kind, count, value = struct.unpack_from(byte_order + "HHIH", block, entry)
            if (tag, kind, count) == (274, 3, 1):
                return int(value)
    except (KeyError, ValueError, struct.error):
        return 1
    return 1


def _describe_unknown(data: bytes) -> str:
    """Describe content that is in no supported format."""
    if not data:
        return "empty file"
    if data[4:8] == b"ftyp":
        return "HEIC, AVIF or video: convert to JPEG"
    text = all(byte in b"\t\n\f\r" or 32 <= byte < 127 for byte in data[:256])
    return "not a photo (text?)" if text else "not a photo"


@contextmanager
def _translate_errors(reader: type[ImageFile.ImageFile]) -> Iterator[None]:
    """Turn every error of Pillow into a PhotoError with a short message."""
    try:
        with _STRICT_LOADING:
            yield
    except PhotoError:
        raise
    except MemoryError as error:
        raise PhotoError("does not fit into memory") from error
    except Image.DecompressionBombError as error:
        raise PhotoError(f"over the limit of {MAX_PIXELS // 1_000_000} megapixels") from error
    except _DAMAGE_ERRORS as error:
        truncated = isinstance(error, EOFError) or "truncated" in str(error).lower()
        raise PhotoError("truncated" if truncated else f"damaged {reader.format}") from error


class _StrictLoading:
    """Context in which Pillow refuses truncated files, whatever ImageFile.LOAD_TRUNCATED_IMAGES is outside.

    The switch is global to the process: the first thread that enters clears it, the last one that leaves restores it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads = 0
        self._outside = False

    def __enter__(self) -> None:
        with self._lock:
            if self._threads == 0:
                self._outside, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
            self._threads += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._threads -= 1
            if self._threads == 0:
                ImageFile.LOAD_TRUNCATED_IMAGES = self._outside


_STRICT_LOADING = _StrictLoading()
