"""A share of photo files → their pixels and facts: the task that fills the pixel store, here or on other machines."""

import hashlib
import io
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgetl.core.errors import DataError
from edgetl.core.execution.executor import Resources, TaskSpec
from edgetl.core.interrupt import check_interrupt
from edgetl.core.machine import read_host_name
from edgetl.core.photos import decoders, pixels, segments
from edgetl.core.photos.near_duplicates import make_thumbnail
from edgetl.core.photos.segments import SegmentWriter, Stamp, StoredFacts
from edgetl.core.records import InputSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodingOrder:
    """What the tasks of one filling have in common.

    Attributes:
        root: folder that paths are relative to.
        input_spec: height and width, and how a photo is fitted to them.
        stored: sha256 of the contents that are in the store already, and are not decoded.
        keep: whether a task writes its segment into the cache. Else its result contains the segment.
    """

    root: str
    input_spec: InputSpec
    stored: frozenset[str]
    keep: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class SharePixels:
    """A segment that is not stored yet, in the order of its rows: see `segments`.

    Attributes:
        pixels: uint8 [photos, height, width, 3].
        sha256s: of each photo, in hex.
        thumbnails: of each photo.
        problems: sha256 of a file → why it is no usable photo.
    """

    pixels: NDArray[np.uint8]
    sha256s: list[str]
    thumbnails: list[bytes]
    problems: dict[str, str]

    def store(self, input_spec: InputSpec) -> None:
        """Write the segment into the cache of this machine: the same bytes as `decode_share` writes.

        Raises:
            EdgetlError: the disk is full, or the cache cannot be written.
        """
        with segments.create_segment(input_spec) as segment:
            for photo, sha256, thumbnail in zip(self.pixels, self.sha256s, self.thumbnails, strict=True):
                segment.add(sha256, thumbnail, photo)
            segment.problems |= self.problems


@dataclass(slots=True)
class ShareResult:
    """Stamps and problems by path, facts by sha256; and the segment, unless the task has stored it."""

    files: int
    stamps: dict[str, Stamp] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    facts: dict[str, StoredFacts] = field(default_factory=dict)
    segment: SharePixels | None = None


def make_share_spec(shared: DecodingOrder) -> TaskSpec:
    """Return the specification of the tasks that decode shares: each receives the paths of one."""
    return TaskSpec(function=decode_share, shared=shared, resources=Resources(), title="decodes photos")


def decode_share(shared: DecodingOrder, paths: Sequence[str]) -> ShareResult:
    """Read files, and decode those with new content into a segment.

    Copies of a photo in two shares are decoded twice, which costs less than synchronizing the tasks.

    Raises:
        DataError: this machine does not have the folder of photos.
        EdgetlError: the disk is full, or the cache cannot be written.
    """
    # Without this, each photo of a folder that is not mounted here would be left out as unreadable.
    if not shared.keep and not os.path.isdir(shared.root):  # noqa: PTH112
        hint = "put the photos into a folder that all machines have under the same path, such as one on NFS"
        raise DataError(f"{read_host_name()} does not have the folder of photos", where=[shared.root], hint=hint)
    result = ShareResult(len(paths))
    with ExitStack() as stack:
        buffer = io.BytesIO()
        segment = (
            stack.enter_context(segments.create_segment(shared.input_spec)) if shared.keep else SegmentWriter(buffer)
        )
        for path in paths:
            check_interrupt()
            try:
                stamp = read_stamp(shared.root, path)
                # Joining strings: making a Path takes longer than the read.
                data = pixels.read_photo(os.path.join(shared.root, path))  # noqa: PTH118
            except pixels.PhotoError as error:
                result.unreadable[path] = str(error)
                continue
            sha256 = hashlib.sha256(data).hexdigest()
            result.stamps[path] = (*stamp, sha256)
            if sha256 not in shared.stored and sha256 not in result.facts:
                result.facts[sha256] = _add(sha256, data, segment, shared.input_spec)
    if not shared.keep:
        result.segment = SharePixels(
            pixels=np.frombuffer(buffer.getbuffer(), np.uint8).reshape(-1, *shared.input_spec.shape),
            sha256s=segment.sha256s,
            thumbnails=segment.thumbnails,
            problems=segment.problems,
        )
    return result


def read_stamp(root: str, path: str) -> tuple[int, int]:
    """Return size in bytes and time of the last change in ns of a file; (-1, -1) if there is none."""
    try:
        stat = os.stat(os.path.join(root, path))  # noqa: PTH116, PTH118
    except OSError:
        return (-1, -1)
    return stat.st_size, stat.st_mtime_ns


def _add(sha256: str, data: bytes, segment: SegmentWriter, input_spec: InputSpec) -> StoredFacts:
    try:
        photo, thumbnail = _decode(data, input_spec)
    except pixels.PhotoError as error:
        # A lack of memory or of a decoder is temporary and no property of the file: it is not stored.
        if not isinstance(error.__cause__, MemoryError) and not isinstance(error, decoders.MissingDecoder):
            segment.problems[sha256] = str(error)
        return StoredFacts(b"", str(error))
    segment.add(sha256, thumbnail, photo)
    return StoredFacts(thumbnail, "")


def _decode(data: bytes, input_spec: InputSpec) -> tuple[NDArray[np.uint8], bytes]:
    """Decode the pixels of a photo and its thumbnail: at once if both need the same reduction, else twice."""
    decoders.check_decoder(data)
    photo = pixels.open_image(data)
    side_px = max(input_spec.height_px, input_spec.width_px)
    same = pixels.choose_reduction(photo, side_px) == pixels.choose_reduction(photo, pixels.FLOOR_PX)
    image = pixels.decode_image(photo, side_px)
    thumbnail = make_thumbnail(image if same else pixels.decode_image(pixels.open_image(data), pixels.FLOOR_PX))
    return pixels.fit_image(image, input_spec.height_px, input_spec.width_px, input_spec.fit), thumbnail
