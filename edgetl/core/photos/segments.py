"""Files of the pixel store: segments of decoded photos, and a catalogue of each folder of photos.

`<cache>/pixels/<fit>-<height>x<width>-<digest>-<format>/<id>/` is a segment of n photos. It contains the raw arrays
`pixels` uint8 [n, height, width, 3], `sha256` [n, 32] and `thumbnails` [n, 243], `problems.json`: sha256 of a file →
why it is no usable photo, and `checksums.json` of all these. The digest covers the decoding code and Pillow's version.
A segment appears by one rename. So two processes may fill the store at once, and a killed process loses only the
segment that it was writing.
`<cache>/catalogues/<root>.json` contains size, time and sha256 of each file, so that unchanged files are not read.
"""

import hashlib
import json
import os
import shutil
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np
import PIL
from numpy.typing import NDArray

from edgetl.core.photos import near_duplicates, pixels
from edgetl.core.photos.near_duplicates import THUMBNAIL_BYTES
from edgetl.core.records import InputSpec
from edgetl.core.storage import cache, checksums
from edgetl.core.storage.cache import create_cached_folder, locate_cache, write_cached_file

Bytes = NDArray[np.uint8]
_FILES = ("pixels", "sha256", "thumbnails", "problems.json")
Stamp = tuple[int, int, str]  # Size in bytes, time of the last change in ns, sha256.


@dataclass(frozen=True, slots=True)
class StoredFacts:
    """Facts about the content of a file: its thumbnail, and why it is unusable ("" if it is usable)."""

    thumbnail: bytes
    problem: str


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment on disk. `shape` is that of a photo: height, width, 3."""

    path: Path
    shape: tuple[int, int, int]

    def sha256s(self) -> list[str]:
        """Read the sha256 of each photo, in hex, in the order of `pixels`."""
        return [row.tobytes().hex() for row in self._read_rows("sha256", 32)]

    def pixels(self) -> Bytes:
        """Map the pixels from disk: uint8 [n, height, width, 3]. Nothing is read yet."""
        shape = (_measure_file(self.path / "sha256") // 32, *self.shape)
        # An empty file cannot be mapped.
        return (
            np.memmap(self.path / "pixels", np.uint8, mode="r", shape=shape) if shape[0] else np.empty(shape, np.uint8)
        )

    def facts(self) -> dict[str, StoredFacts]:
        """Read the facts about each content, usable or not, by sha256."""
        problems = json.loads((self.path / "problems.json").read_text())
        unusable = {sha256: StoredFacts(b"", problem) for sha256, problem in problems.items()}
        thumbnails = self._read_rows("thumbnails", THUMBNAIL_BYTES)
        return unusable | {
            sha256: StoredFacts(thumbnails[row].tobytes(), "") for row, sha256 in enumerate(self.sha256s())
        }

    def is_complete(self) -> bool:
        """Check the sizes of all files: after a power cut, a file can be shorter than what was written."""
        row_bytes = {"pixels": prod(self.shape), "sha256": 32, "thumbnails": THUMBNAIL_BYTES}
        photos = {_measure_file(self.path / name) / width for name, width in row_bytes.items()}
        try:
            return len(photos) == 1 and isinstance(json.loads((self.path / "problems.json").read_text()), dict)
        except (FileNotFoundError, ValueError, RecursionError):
            return False

    def is_intact(self) -> bool:
        """Check the content of all files: a disk or a power cut can change or zero it."""
        return checksums.match_checksums(self.path, _FILES)

    def drop(self) -> None:
        """Remove the segment from the store, so that its photos are decoded again."""
        cache.drop_cached_folder(self.path)

    def _read_rows(self, name: str, width: int) -> Bytes:
        return np.fromfile(self.path / name, np.uint8).reshape(-1, width)


class SegmentWriter:
    """A segment that is being written. Several threads may add photos to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lock = threading.Lock()
        self.sha256s: list[str] = []
        self.thumbnails: list[bytes] = []
        self.problems: dict[str, str] = {}

    def add(self, sha256: str, thumbnail: bytes, photo: Bytes) -> None:
        """Write the pixels of a photo, uint8 [height, width, 3]; thumbnail and sha256 (hex) are written at the end."""
        with self._lock:
            _write_all(self._file, photo.data.cast("B"))
            self.sha256s.append(sha256)
            self.thumbnails.append(thumbnail)


def hash_pixel_code() -> str:
    """Hash everything that decides the pixels of a file: the decoding code and Pillow's version."""
    sources = (Path(module.__file__ or "").read_bytes() for module in (pixels, near_duplicates))
    return hashlib.sha256(b"".join((*sources, PIL.__version__.encode()))).hexdigest()[:12]


def locate_segments(input_spec: InputSpec) -> Path:
    """Return the folder of the segments for an input spec."""
    name = f"{input_spec.fit}-{input_spec.height_px}x{input_spec.width_px}-{hash_pixel_code()}-{checksums.FORMAT}"
    return locate_cache() / "pixels" / name


def list_segments(input_spec: InputSpec) -> list[Segment]:
    """List the complete segments for an input spec."""
    # Unfinished segments have names that begin with a dot.
    segments = (Segment(path, input_spec.shape) for path in sorted(locate_segments(input_spec).glob("[!.]*")))
    return [segment for segment in segments if segment.is_complete()]


@contextmanager
def create_segment(input_spec: InputSpec) -> Iterator[SegmentWriter]:
    """Yield a new segment to add photos to. It is in the store when the block ends, unless nothing was added.

    Raises:
        EdgetlError: the cache's disk is full or cannot be written.
    """
    # A random name: several processes may write segments at once.
    with create_cached_folder(locate_segments(input_spec) / uuid.uuid4().hex[:16]) as unfinished:
        # Unbuffered: photos are written one at a time, and a buffer would only copy them once more.
        with (unfinished / "pixels").open("wb", buffering=0) as file:
            segment = SegmentWriter(file)
            yield segment
        if not segment.sha256s and not segment.problems:
            shutil.rmtree(unfinished)
            return
        (unfinished / "sha256").write_bytes(bytes.fromhex("".join(segment.sha256s)))
        (unfinished / "thumbnails").write_bytes(b"".join(segment.thumbnails))
        (unfinished / "problems.json").write_text(json.dumps(segment.problems))
        checksums.write_checksums(unfinished, _FILES)


def remove_stale_segments(input_spec: InputSpec) -> None:
    """Remove what killed processes left unfinished: segments for this input spec, and catalogues."""
    cache.remove_unfinished(locate_segments(input_spec))
    cache.remove_unfinished(_locate_catalogues())


def read_catalogue(root: Path) -> dict[str, Stamp]:
    """Read the catalogue of a folder of photos: path → stamp; empty if it is missing or damaged."""
    try:
        entries = json.loads(_locate_catalogue(root).read_text())
        return {path: (size, time_ns, sha256) for path, (size, time_ns, sha256) in entries.items()}
    except (FileNotFoundError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def write_catalogue(root: Path, files: Mapping[str, Stamp]) -> None:
    """Replace the catalogue of a folder of photos. Raises EdgetlError if the cache cannot be written."""
    write_cached_file(_locate_catalogue(root), json.dumps(files).encode())


def _locate_catalogues() -> Path:
    return locate_cache() / "catalogues"


def _locate_catalogue(root: Path) -> Path:
    return _locate_catalogues() / f"{hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]}.json"


def _write_all(file: BinaryIO, content: memoryview) -> None:
    """Write everything: a single write may take only a part, for example when the disk becomes full."""
    while content:
        content = content[file.write(content) :]


def _measure_file(path: Path) -> int:
    """Return the size of a file in bytes, -1 if there is no file."""
    return path.stat().st_size if path.is_file() else -1
