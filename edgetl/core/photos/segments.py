"""In: decoded photos and what is known of them. Out: the same from disk, whole or not there.

`<cache>/pixels/<fit>-<side>-<digest>/<id>/` is a segment of n photos: `pixels` uint8 [n, side, side, 3], `sha256`
[n, 32], `looks` [n, 243], raw, and `problems.json`, sha256 → why that content is no usable photo. The digest is that of
our code and Pillow's version. A segment appears by one rename: two processes may fill at once, and one that is killed
loses at most the segment it was writing.
`<cache>/catalogues/<root>.json` remembers size, time and sha256 of each file, so that an unchanged one is not read.
"""

import hashlib
import io
import json
import os
import shutil
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL
from numpy.typing import NDArray

from edgetl.core.photos import near_duplicates as looks
from edgetl.core.photos import pixels
from edgetl.core.records import InputSpec
from edgetl.core.storage import cache
from edgetl.core.storage.cache import create_folder, locate_cache, write_file

Bytes = NDArray[np.uint8]
Stamp = tuple[int, int, str]  # Size in bytes, time of change in ns, sha256.


@dataclass(frozen=True, slots=True)
class StoredFacts:
    """What is known of some content: its looks, and why it is unusable ("" if it is not)."""

    thumbnail: bytes
    problem: str


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment on disk."""

    path: Path
    side_px: int

    def sha256s(self) -> list[str]:
        """The sha256 of each photo, in hex, in the order of their pixels."""
        return [row.tobytes().hex() for row in self._rows("sha256", 32)]

    def pixels(self) -> Bytes:
        """uint8 [n, side, side, 3], mapped from disk, not read."""
        shape = (_size(self.path / "sha256") // 32, self.side_px, self.side_px, 3)
        return (
            np.memmap(self.path / "pixels", np.uint8, mode="r", shape=shape) if shape[0] else np.empty(shape, np.uint8)
        )

    def known(self) -> dict[str, StoredFacts]:
        """What is known of each content, by sha256."""
        problems = json.loads((self.path / "problems.json").read_text())
        unusable = {sha256: StoredFacts(b"", problem) for sha256, problem in problems.items()}
        seen = self._rows("looks", looks.BYTES)
        return unusable | {sha256: StoredFacts(seen[row].tobytes(), "") for row, sha256 in enumerate(self.sha256s())}

    def is_whole(self) -> bool:
        """Whether every byte is there; after a power cut a file can be shorter than what was written, or hold zeros."""
        widths = {"pixels": self.side_px**2 * 3, "sha256": 32, "looks": looks.BYTES}
        photos = {_size(self.path / name) / width for name, width in widths.items()}
        try:
            return len(photos) == 1 and isinstance(json.loads((self.path / "problems.json").read_text()), dict)
        except (FileNotFoundError, ValueError):
            return False

    def _rows(self, name: str, width: int) -> Bytes:
        return np.fromfile(self.path / name, np.uint8).reshape(-1, width)


class SegmentWriter:
    """A segment that is being written. Threads may add to it at once."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        self._lock = threading.Lock()
        self.sha256s: list[str] = []
        self.looks: list[bytes] = []
        self.problems: dict[str, str] = {}

    def add(self, sha256: str, seen: bytes, row: Bytes) -> None:
        """Write the pixels of a photo, uint8 [side, side, 3]; its looks and sha256 (hex) are written at the end."""
        with self._lock:
            _write(self._file, row.data.cast("B"))
            self.sha256s.append(sha256)
            self.looks.append(seen)


def hash_pixel_code() -> str:
    """Names what makes pixels of a file: our code and Pillow's version."""
    sources = (Path(module.__file__ or "").read_bytes() for module in (pixels, looks))
    return hashlib.sha256(b"".join((*sources, PIL.__version__.encode()))).hexdigest()[:12]


def locate_segments(input_spec: InputSpec) -> Path:
    """Where the segments for this input are."""
    return locate_cache() / "pixels" / f"{input_spec.fit}-{input_spec.side_px}-{hash_pixel_code()}"


def list_segments(input_spec: InputSpec) -> list[Segment]:
    """The whole segments for this input."""
    found = (Segment(path, input_spec.side_px) for path in sorted(locate_segments(input_spec).glob("[!.]*")))
    return [segment for segment in found if segment.is_whole()]


@contextmanager
def create_segment(input_spec: InputSpec) -> Iterator[SegmentWriter]:
    """A segment to add to, which is in the store once the block ends, unless nothing was added.

    Raises:
        EdgetlError: the cache's disk is full or cannot be written.
    """
    with create_folder(locate_segments(input_spec) / uuid.uuid4().hex[:16]) as part:
        with (part / "pixels").open("wb", buffering=0) as file:
            segment = SegmentWriter(file)
            yield segment
        if not segment.sha256s and not segment.problems:
            shutil.rmtree(part)
            return
        (part / "sha256").write_bytes(bytes.fromhex("".join(segment.sha256s)))
        (part / "looks").write_bytes(b"".join(segment.looks))
        (part / "problems.json").write_text(json.dumps(segment.problems))


def remove_stale_segments(input_spec: InputSpec) -> None:
    """Remove what killed processes left half written of this input, and of any catalogue."""
    cache.remove_unfinished(locate_segments(input_spec))
    cache.remove_unfinished(_catalogues())


def read_catalogue(root: Path) -> dict[str, Stamp]:
    """What is remembered of the files under a root, by path; nothing where the catalogue is missing or cut short."""
    try:
        entries = json.loads(_catalogue(root).read_text())
        return {path: (size, time_ns, sha256) for path, (size, time_ns, sha256) in entries.items()}
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return {}


def write_catalogue(root: Path, files: Mapping[str, Stamp]) -> None:
    """Remember the files under a root, in place of what was remembered before. Raises EdgetlError like `store`."""
    write_file(_catalogue(root), json.dumps(files).encode())


def _catalogues() -> Path:
    return locate_cache() / "catalogues"


def _catalogue(root: Path) -> Path:
    return _catalogues() / f"{hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]}.json"


def _write(file: io.FileIO, left: memoryview) -> None:
    """All of it: a single write may take less, as it does when the disk fills up."""
    while left:
        left = left[file.write(left) :]


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1
