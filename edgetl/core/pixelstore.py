"""In: paths of photos and the input a model wants. Out: every photo decoded once, on all cores, into the cache.

Threads suffice: Pillow decodes and resizes without holding the interpreter's lock (tools/measure_decoding.py).
"""

import hashlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetl.core import looks, pixels, segments
from edgetl.core.errors import DataError
from edgetl.core.machine import cores
from edgetl.core.records import Input
from edgetl.core.segments import Bytes, Growing, Known, Stamp

_SEGMENT_BYTES = 64 * 1024 * 1024
_BATCH = 8  # Photos per task: with fewer, threads wait for each other; with more, for the last one at the end.
_SETTLED_NS = 2_000_000_000  # A file changed more recently than this may change again within its time stamp's grain.


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What is known of a file: sha256 in hex ("" if unreadable), its looks, why it is unusable ("" if it is not)."""

    path: str
    sha256: str
    looks: bytes
    problem: str


def fill(root: Path, paths: Sequence[str], shape: Input, *, progress: Callable[[int], None]) -> tuple[Glimpse, ...]:
    """Decode whatever of these photos is not in the store yet.

    Args:
        root: the folder the paths are relative to. Nothing is written into it.
        paths: photo files, posix.
        shape: the side in pixels and how a photo is fitted to it.
        progress: called with n whenever n more photos are done.

    Returns:
        One glimpse per path, in order; it depends on the file's content only, not on `shape`.

    Raises:
        EdgetlError: the cache's disk is full or cannot be written.
    """
    segments.sweep(shape)
    known = {sha256: facts for segment in segments.stored(shape) for sha256, facts in segment.known().items()}
    filling = _Filling(root, shape, known)
    fresh = [path for path in paths if not filling.remembers(path)]
    progress(len(paths) - len(fresh))
    with ThreadPoolExecutor(cores()) as pool:
        for some in _slices(fresh, max(1, _SEGMENT_BYTES // (shape.side_px**2 * 3))):
            with segments.growing(shape) as segment:
                for done in pool.map(partial(filling.batch, segment=segment), _slices(some, _BATCH)):
                    progress(done)
    filling.remember()
    return tuple(filling.glimpse(path) for path in paths)


class Pixels:
    """The pixels of a sequence of photos: on disk, gathered on demand."""

    def __init__(self, maps: Sequence[Bytes], places: NDArray[np.int64], shape: Input) -> None:
        self.shape = shape
        self._maps = maps
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    def rows(self, indices: Sequence[int] | NDArray[np.int64]) -> Bytes:
        """The photos at these positions, as a fresh array: uint8 [n, side, side, 3], RGB, 0..255."""
        places = self._places[np.asarray(indices, np.int64)]
        gathered = np.empty((len(places), self.shape.side_px, self.shape.side_px, 3), np.uint8)
        for segment in np.unique(places[:, 0]):
            here = places[:, 0] == segment
            gathered[here] = self._maps[segment][places[here, 1]]
        return gathered


def opened(sha256s: Sequence[str], shape: Input) -> Pixels:
    """The pixels of photos that `fill` has put into the store, in this order.

    Raises:
        DataError: some are not there, because the cache was deleted meanwhile.
    """
    stored = segments.stored(shape)
    place = {sha256: (index, row) for index, part in enumerate(stored) for row, sha256 in enumerate(part.sha256s())}
    missing = sum(sha256 not in place for sha256 in sha256s)
    if missing:
        raise DataError(
            f"{missing} of {len(sha256s)} photos are not in the cache any more",
            where=[segments.folder(shape)],
            hint="run the same command again: it decodes them anew",
        )
    places = np.array([place[sha256] for sha256 in sha256s], np.int64).reshape(-1, 2)
    return Pixels([part.pixels() for part in stored], places, shape)


class _Filling:
    """What the threads of one `fill` share."""

    def __init__(self, root: Path, shape: Input, known: dict[str, Known]) -> None:
        self._root, self._shape, self._known = root, shape, known
        self._catalogue = segments.catalogue(root)
        self._stamps: dict[str, Stamp] = {}
        self._unreadable: dict[str, str] = {}
        self._claimed: set[str] = set()
        self._lock = threading.Lock()
        self._began_ns = time.time_ns()

    def remembers(self, path: str) -> bool:
        """Whether a file is one whose content is known, going by its size and time of change."""
        remembered = self._catalogue.get(path, (0, 0, ""))
        if remembered[2] not in self._known or remembered[:2] != self._stamp(path):
            return False
        self._stamps[path] = remembered
        return True

    def batch(self, paths: Sequence[str], segment: Growing) -> int:
        """Read some files, decode those with new content into a segment, and say how many files there were."""
        for path in paths:
            try:
                stamp = self._stamp(path)
                data = pixels.read(os.path.join(self._root, path))  # noqa: PTH118  (a Path takes longer than the read)
            except pixels.PhotoError as error:
                self._unreadable[path] = str(error)
                continue
            sha256 = hashlib.sha256(data).hexdigest()
            self._stamps[path] = (*stamp, sha256)
            if self._claim(sha256):
                self._decode(sha256, data, segment)
        return len(paths)

    def remember(self) -> None:
        """Bring the catalogue up to date."""
        limit = self._began_ns - _SETTLED_NS
        settled = {path: stamp for path, stamp in self._stamps.items() if stamp[1] < limit}
        if settled != self._catalogue:
            segments.store_catalogue(self._root, settled)

    def glimpse(self, path: str) -> Glimpse:
        """What is known of a file that was handled."""
        if path in self._unreadable:
            return Glimpse(path, "", b"", self._unreadable[path])
        sha256 = self._stamps[path][2]
        return Glimpse(path, sha256, self._known[sha256].looks, self._known[sha256].problem)

    def _stamp(self, path: str) -> tuple[int, int]:
        try:
            stat = os.stat(os.path.join(self._root, path))  # noqa: PTH116, PTH118
        except OSError:
            return (-1, -1)
        return stat.st_size, stat.st_mtime_ns

    def _claim(self, sha256: str) -> bool:
        """Whether this content is new, and from now on the caller's to decode."""
        with self._lock:
            new = sha256 not in self._known and sha256 not in self._claimed
            self._claimed.add(sha256)
        return new

    def _decode(self, sha256: str, data: bytes, segment: Growing) -> None:
        try:
            row, seen = _decoded(data, self._shape)
        except pixels.PhotoError as error:
            self._known[sha256] = Known(b"", str(error))
            # Too little memory says something about this moment, not about the file: it is not kept.
            if not isinstance(error.__cause__, MemoryError):
                segment.problems[sha256] = str(error)
            return
        segment.add(sha256, seen, row)
        self._known[sha256] = Known(seen, "")


def _decoded(data: bytes, shape: Input) -> tuple[Bytes, bytes]:
    """A photo's pixels and its looks, from one decode wherever that gives the same as two."""
    photo = pixels.opened(data)
    alike = pixels.reduction(photo, shape.side_px) == pixels.reduction(photo, pixels.FLOOR_PX)
    image = pixels.decoded(photo, shape.side_px)
    seen = looks.look(image if alike else pixels.decoded(pixels.opened(data), pixels.FLOOR_PX))
    return pixels.fitted(image, shape.side_px, shape.fit), seen


def _slices(paths: Sequence[str], length: int) -> list[Sequence[str]]:
    return [paths[start : start + length] for start in range(0, len(paths), length)]
