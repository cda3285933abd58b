"""Photo files → what their headers say: size, channels, camera and time. Pixels are not decoded."""

import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from PIL import ImageFile

from edgetl.core.interrupt import check_interrupt
from edgetl.core.photos import decoders, pixels
from edgetl.core.photos.groups.capture_times import parse_capture_time
from edgetl.core.storage.regular_files import open_regular

# The headers of most photos are in so many bytes. Others are read as a whole.
_HEAD_BYTES = 256 * 1024
# Source: EXIF 2.32, tag Model, type ASCII.
_MODEL, _ASCII = 0x0110, 2
_LONGEST_MODEL = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoHeader:
    """Header of a photo. Without a width, the file cannot be read any more.

    Attributes:
        bytes: size of the file.
        width_px: width, before an orientation in EXIF is applied.
        height_px: height.
        mode: Pillow's name of the channels, as RGB, L or RGBA.
        camera: the camera's model in EXIF; "" if there is none.
        time: when it was taken, by EXIF; None if there is none.
    """

    bytes: int = 0
    width_px: int = 0
    height_px: int = 0
    mode: str = ""
    camera: str = ""
    time: datetime | None = None


def read_headers(root: Path, paths: Iterable[str]) -> list[PhotoHeader]:
    """Read the header of each photo, in order."""
    headers = []
    for path in paths:
        check_interrupt()
        headers.append(_read_header(root / path))
    return headers


def parse_camera(block: bytes) -> str:
    """Read the camera's model from an EXIF block, which begins with the byte order; "" if there is none."""
    try:
        byte_order = {b"II": "<", b"MM": ">"}[block[:2]]
        (start,) = struct.unpack_from(byte_order + "I", block, 4)
        (entries,) = struct.unpack_from(byte_order + "H", block, start)
        # An entry has 12 bytes: tag, type, number of values, value or its place. None is outside the block.
        for entry in range(start + 2, min(start + 2 + 12 * entries, len(block) - 11), 12):
            tag, kind, count, place = struct.unpack_from(byte_order + "HHII", block, entry)
            if (tag, kind) == (_MODEL, _ASCII):
                # Up to four characters are in the entry itself.
                first = entry + 8 if count <= 4 else place
                text = block[first : first + min(count, _LONGEST_MODEL)]
                return text.split(b"\0")[0].decode("ascii", "replace").strip()
    except (KeyError, struct.error):
        return ""
    return ""


def _read_header(path: Path) -> PhotoHeader:
    try:
        with open_regular(path, pixels.MAX_BYTES) as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(_HEAD_BYTES)
            photo = _open(head)
            if photo is None and size > len(head):
                head += file.read()
                photo = _open(head)
    # It was deleted or replaced after it was decoded. The next build reports it.
    except OSError:
        return PhotoHeader()
    if photo is None:
        return PhotoHeader(bytes=size)
    block = photo.info.get("exif", b"")
    block = block.split(b"Exif\0\0", 1)[-1] if isinstance(block, bytes) else b""
    return PhotoHeader(
        bytes=size,
        width_px=photo.width,
        height_px=photo.height,
        mode=photo.mode,
        camera=parse_camera(block),
        time=parse_capture_time(block),
    )


def _open(data: bytes) -> ImageFile.ImageFile | None:
    """Open the header of a photo; None if it is no photo, or not complete."""
    try:
        decoders.check_decoder(data)
        return pixels.open_image(data)
    except pixels.PhotoError:
        return None
