"""Photo files → the times at which they were taken, from EXIF, and groups of photos without a gap between them."""

import os
import struct
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from edgetl.core.interrupt import check_interrupt
from edgetl.core.photos import decoders, pixels
from edgetl.core.storage.regular_files import open_regular

# The EXIF block of a JPEG has at most 64 KiB and is among the first ones. Other formats are read as a whole.
_HEAD_BYTES = 256 * 1024
# Source: EXIF 2.32, tags ExifIFD and DateTimeOriginal. Type 2 is text, 4 a 32-bit integer.
_EXIF_IFD, _DATE_TIME_ORIGINAL = (0x8769, 4), (0x9003, 2)
_TIME_BYTES = 20
_TIFF = (b"II", b"MM")


def read_capture_times(root: Path, paths: Iterable[str]) -> dict[str, datetime]:
    """Read when photos were taken, by path. Photos without a time, and files that are no photos, are not in it."""
    times = {}
    for path in paths:
        check_interrupt()
        time = _read_time(root / path)
        if time is not None:
            times[path] = time
    return times


def group_by_gap(times: Mapping[str, datetime], gap_s: int) -> dict[str, str]:
    """Group photos whose times follow each other without a longer gap. The first time of a group is its name.

    Args:
        times: when each photo was taken, by path.
        gap_s: longest time between two photos of a group, seconds.

    Returns:
        The name of the group of each photo, by path.
    """
    groups: dict[str, str] = {}
    name, before = "", None
    for time, path in sorted((time, path) for path, time in times.items()):
        if before is None or (time - before).total_seconds() > gap_s:
            name = f"{time:%Y-%m-%d %H:%M:%S}"
        groups[path], before = name, time
    return groups


def parse_capture_time(block: bytes) -> datetime | None:
    """Read DateTimeOriginal from an EXIF block, which begins with the byte order; None if there is none."""
    try:
        byte_order = {b"II": "<", b"MM": ">"}[block[:2]]
        (start,) = struct.unpack_from(byte_order + "I", block, 4)
        place = _find_value(block, byte_order, start, _EXIF_IFD)
        text_place = None if place is None else _find_value(block, byte_order, place, _DATE_TIME_ORIGINAL)
        if text_place is None:
            return None
        text = block[text_place : text_place + _TIME_BYTES - 1].decode("ascii")
        return datetime.strptime(text, "%Y:%m:%d %H:%M:%S")
    except (KeyError, ValueError, struct.error):
        return None


def _find_value(block: bytes, byte_order: str, start: int, tag: tuple[int, int]) -> int | None:
    """Return the value of an entry of an image file directory, which is an offset for both tags; None if missing."""
    (entries,) = struct.unpack_from(byte_order + "H", block, start)
    # An entry has 12 bytes: tag, type, number of values, value. At most 65535 entries, and none outside the block.
    for entry in range(start + 2, min(start + 2 + 12 * entries, len(block) - 11), 12):
        name, kind, _, value = struct.unpack_from(byte_order + "HHII", block, entry)
        if (name, kind) == tag:
            return int(value)
    return None


def _read_time(path: Path) -> datetime | None:
    try:
        with open_regular(path, pixels.MAX_BYTES) as file:
            head = file.read(_HEAD_BYTES)
            is_whole = os.fstat(file.fileno()).st_size == len(head)
    except OSError:
        # The photo is left out with this reason when it is decoded.
        return None
    info = _read_info(head)
    # The directories of a TIFF file may be anywhere in it.
    if not is_whole and (info is None or head[:2] in _TIFF):
        try:
            head = pixels.read_photo(path)
        except pixels.PhotoError:
            return None
        info = _read_info(head)
    return None if info is None else parse_capture_time(_find_block(head, info))


def _read_info(data: bytes) -> dict[Any, Any] | None:
    """Read what the header of a photo contains beside pixels; None if it is no photo, or not complete."""
    try:
        decoders.check_decoder(data)
        return pixels.open_image(data).info
    except pixels.PhotoError:
        return None


def _find_block(data: bytes, info: dict[Any, Any]) -> bytes:
    # A TIFF file is itself what other formats contain as an EXIF block.
    if data[:2] in _TIFF:
        return data
    block = info.get("exif", b"")
    return block.split(b"Exif\0\0", 1)[-1] if isinstance(block, bytes) else b""
