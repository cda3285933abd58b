"""In: the bytes of a photo file. Out: uint8 [side, side, 3], RGB, 0..255.

This is the only preprocessing there is. Training, calibration, verification and the device all run this very file, so
the model meets the same pixels everywhere. It needs the standard library, numpy and Pillow (9.4 or newer) alone.

What is done, in this order:
1. The format is told from the first bytes: JPEG, PNG, BMP, GIF (first frame), WebP, TIFF.
2. A large JPEG is decoded at 1/2, 1/4 or 1/8, as long as its shorter side keeps `max(side_px, FLOOR_PX)` pixels.
3. EXIF orientation is applied. Colour profiles are not: the numbers in the file are what counts.
4. Everything becomes RGB: what is transparent shows white behind it, 16-bit grey is divided by 257.
5. "crop" takes the centred largest square, "stretch" the whole photo, "pad" puts black bars around it; the resize is
   Pillow's antialiased bilinear, in fixed point, so the result is the same on every machine.
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

import numpy as np
from PIL import Image, ImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

FITS = ("crop", "stretch", "pad")
FLOOR_PX = 192  # At this size a photo's reduced decode serves every model up to it, and its perceptual hash.
MAX_PIXELS = 89_000_000  # Just below where Pillow itself would warn (89 478 485).
MAX_BYTES = 256 * 1024 * 1024

# Image.open would consult what other code registered, warn about large photos, and import plugins from many threads.
_READERS: tuple[tuple[bytes, type[ImageFile.ImageFile]], ...] = (
    (rb"\xff\xd8\xff", JpegImageFile),
    (rb"\x89PNG\r\n\x1a\n", PngImageFile),
    (rb"BM", BmpImageFile),
    (rb"GIF8[79]a", GifImageFile),
    (rb"RIFF....WEBP", WebPImageFile),
    (rb"II[*+]\0|MM\0[*+]", TiffImageFile),
)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Everything Pillow was seen to raise on damaged files, found by fuzzing; a Warning arrives where warnings are errors.
_DAMAGE = (
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
    """A file that is not a usable photo. The message is one short phrase, made for a table."""


def load_photo(path: str | os.PathLike[str], side_px: int, fit: str) -> np.ndarray:
    """The pixels of a photo file.

    Args:
        path: JPEG, PNG, BMP, GIF, WebP or TIFF.
        side_px: width and height of the result.
        fit: "crop", "stretch" or "pad".

    Returns:
        uint8 [side_px, side_px, 3], RGB, 0..255, read-only.

    Raises:
        PhotoError: the file cannot be read or is not a usable photo.
        ValueError: unknown `fit`, or a `side_px` below 1.
    """
    return decode_photo(read_photo(path), side_px, fit)


def decode_photo(data: bytes, side_px: int, fit: str) -> np.ndarray:
    """The pixels of a photo file's bytes: uint8 [side_px, side_px, 3]; otherwise like `load`."""
    _check(side_px, fit)
    return fit_image(decode_image(open_image(data), side_px), side_px, fit)


def read_photo(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a file. Raises PhotoError where it cannot be read or holds more than MAX_BYTES."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123  (the path may be a plain string on the device)
            if os.fstat(file.fileno()).st_size > MAX_BYTES:
                raise PhotoError(f"file over the limit of {MAX_BYTES >> 20} MiB")
            return file.read()
    except OSError as error:
        raise PhotoError(f"cannot be read: {error.strerror or error}") from error


def open_image(data: bytes) -> ImageFile.ImageFile:
    """A photo whose header was read and found sane; its pixels are not decoded yet. Raises PhotoError."""
    reader = next((reader for magic, reader in _READERS if re.match(magic, data, re.DOTALL)), None)
    if reader is None:
        raise PhotoError(_guess(data))
    with _damage(reader):
        photo = reader(io.BytesIO(data))
    if photo.width * photo.height > MAX_PIXELS:
        megapixels = photo.width * photo.height / 1e6
        raise PhotoError(f"{megapixels:.0f} megapixels: over the limit of {MAX_PIXELS // 1_000_000}")
    return photo


def choose_reduction(photo: ImageFile.ImageFile, side_px: int) -> int:
    """By how much `decoded` shrinks this opened photo while decoding: 1, 2, 4 or 8, always 1 but for JPEG."""
    if photo.format != "JPEG":
        return 1
    spare = min(photo.size) // max(side_px, FLOOR_PX)
    return next(scale for scale in (8, 4, 2, 1) if spare >= scale or scale == 1)


def decode_image(photo: ImageFile.ImageFile, side_px: int) -> Image.Image:
    """An opened photo, upright, RGB, whole, large enough to be fitted to `side_px`. Raises PhotoError."""
    scale = choose_reduction(photo, side_px)
    with _damage(type(photo)):
        if scale > 1:
            photo.draft(None, (photo.width // scale, photo.height // scale))
        photo.load()
        rgb = _rgb(photo)
        # Pillow turns a TIFF while loading it, in every version since 9.4.
        turn = None if photo.format == "TIFF" else _TURNS.get(_orientation(photo.info.get("exif")))
        return rgb if turn is None else rgb.transpose(turn)


def fit_image(image: Image.Image, side_px: int, fit: str) -> np.ndarray:
    """An image already in memory, such as a camera frame, brought to uint8 [side_px, side_px, 3].

    Raises:
        PhotoError: pixels of a kind that has no plain meaning as colour (floating point, 32-bit, Lab).
        ValueError: unknown `fit`, or a `side_px` below 1.
    """
    _check(side_px, fit)
    rgb = _rgb(image)
    width, height = rgb.size
    size, box = (side_px, side_px), (0.0, 0.0, float(width), float(height))
    if fit == "crop":
        short = min(width, height)
        left, top = (width - short) / 2, (height - short) / 2
        box = (left, top, left + short, top + short)
    elif fit == "pad":
        long = max(width, height)
        size = (max(1, round(width * side_px / long)), max(1, round(height * side_px / long)))
    resized = _resized(rgb, size, box)
    if fit == "pad":
        canvas = Image.new("RGB", (side_px, side_px), "black")
        canvas.paste(resized, ((side_px - size[0]) // 2, (side_px - size[1]) // 2))
        resized = canvas
    return np.asarray(resized)


def _resized(rgb: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float]) -> Image.Image:
    """The part of an image within `box`, resized one axis at a time, the longer one first.

    Left to itself, Pillow chooses which axis comes first, and its versions choose differently: one step in rounding.
    """
    (across, down), (left, top, right, bottom) = size, box
    bilinear = Image.Resampling.BILINEAR
    if rgb.width >= rgb.height:
        narrow = rgb.resize((across, rgb.height), bilinear, box=(left, 0, right, rgb.height))
        return narrow.resize(size, bilinear, box=(0, top, across, bottom))
    low = rgb.resize((rgb.width, down), bilinear, box=(0, top, rgb.width, bottom))
    return low.resize(size, bilinear, box=(left, 0, right, down))


def _check(side_px: int, fit: str) -> None:
    if fit not in FITS:
        raise ValueError(f"unknown fit {fit!r}: known are {', '.join(FITS)}")
    if side_px < 1:
        raise ValueError(f"side_px is {side_px}: at least 1 is needed")


def _rgb(image: Image.Image) -> Image.Image:
    """The image as RGB, its transparent parts over white."""
    if image.mode.startswith("I"):
        image = _eight_bits(image)
    palette = image.palette.mode if image.mode == "P" and image.palette else ""
    if image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or palette == "RGBA" or "transparency" in image.info:
        seen = image.convert("RGBA")
        white = Image.new("RGBA", seen.size, "white")
        return Image.alpha_composite(white, seen).convert("RGB")
    if image.mode in ("RGB", "RGBX", "L", "1", "P", "CMYK", "YCbCr"):
        return image if image.mode == "RGB" else image.convert("RGB")
    raise PhotoError(f"{image.mode} pixels are not supported")


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit grey as 8-bit grey, 0..65535 divided by 257 and rounded. Pillow's own convert would clip at 255."""
    grey = np.asarray(image).astype(np.int64)
    if grey.min() < 0 or grey.max() > 65535:
        raise PhotoError("32-bit pixels are not supported")
    return Image.fromarray(((grey + 128) // 257).astype(np.uint8))


def _orientation(exif: bytes | None) -> int:
    """Tag 274 of an EXIF block, 1 (upright) where there is none or it cannot be read.

    Pillow's own reader warns about damaged blocks, which are common, and its versions differ about XMP.
    """
    block = (exif or b"").split(b"Exif\0\0", 1)[-1]
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None:
        return 1
    try:
        start = struct.unpack_from(order + "I", block, 4)[0]
        entries = struct.unpack_from(order + "H", block, start)[0]
        for entry in range(start + 2, start + 2 + 12 * entries, 12):
            tag, kind, count, value = struct.unpack_from(order + "HHIH", block, entry)
            if (tag, kind, count) == (274, 3, 1):
                return int(value)
    except struct.error:
        return 1
    return 1


def _guess(data: bytes) -> str:
    """Why bytes of no known format are no photo."""
    if not data:
        return "empty file"
    if data[4:8] == b"ftyp":
        return "HEIC, AVIF or video: convert to JPEG"
    start = data[:256]
    return "not a photo (text?)" if all(byte in b"\t\n\f\r" or 32 <= byte < 127 for byte in start) else "not a photo"


@contextmanager
def _damage(reader: type[ImageFile.ImageFile]) -> Iterator[None]:
    """Whatever Pillow raises inside becomes a PhotoError that says it in a few words."""
    try:
        with _STRICT:
            yield
    except PhotoError:
        raise
    except MemoryError as error:
        raise PhotoError("does not fit into memory") from error
    except Image.DecompressionBombError as error:
        raise PhotoError(f"over the limit of {MAX_PIXELS // 1_000_000} megapixels") from error
    except _DAMAGE as error:
        short = isinstance(error, EOFError) or "truncated" in str(error).lower()
        raise PhotoError("truncated" if short else f"damaged {reader.format}") from error


class _Strict:
    """Within it Pillow refuses truncated files, whatever other code set ImageFile.LOAD_TRUNCATED_IMAGES to.

    That switch belongs to the whole process, so the first thread in clears it and the last one out puts it back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = False

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                ImageFile.LOAD_TRUNCATED_IMAGES = self._before


_STRICT = _Strict()
