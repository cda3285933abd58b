"""In: paths of photos and the input a model wants. Out: every photo decoded once, on all cores, into the cache.

Processes share the work: threads, though Pillow lets go of the interpreter's lock, were measured to lose a quarter of
two cores to handing it to and fro. They are forked, so that they are there at once; each writes segments of its own.
"""

import ctypes
import hashlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetl.core.errors import DataError, EdgetlError
from edgetl.core.machine import count_cores
from edgetl.core.photos import near_duplicates as looks
from edgetl.core.photos import pixels, segments
from edgetl.core.photos.segments import Bytes, SegmentWriter, Stamp, StoredFacts
from edgetl.core.records import InputSpec
from edgetl.core.storage.mapped_rows import MappedRows, find_places

_SEGMENT_BYTES = 64 * 1024 * 1024
_FEW = 128  # Photos up to here are done before a process is forked for them.
_SHARE = 16  # Photos in a task and segment at least, so that there are not too many small ones.
_SHARES = 16  # Tasks for a core at least, so that none waits long for the last one at the end.
_PR_SET_PDEATHSIG = 1  # Source: linux/prctl.h.
_SETTLED_NS = 2_000_000_000  # A file changed more recently than this may change again within its time stamp's grain.


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """What is known of a file: sha256 in hex ("" if unreadable), its looks, why it is unusable ("" if it is not)."""

    path: str
    sha256: str
    thumbnail: bytes
    problem: str


def fill_pixel_store(
    root: Path, paths: Sequence[str], input_spec: InputSpec, *, progress: Callable[[int], None]
) -> tuple[PhotoFacts, ...]:
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
    segments.remove_stale_segments(input_spec)
    known = {
        sha256: facts for segment in segments.list_segments(input_spec) for sha256, facts in segment.known().items()
    }
    filling = _Filling(root, input_spec, known)
    fresh = [path for path in paths if not filling.remembers(path)]
    progress(len(paths) - len(fresh))
    most = _SEGMENT_BYTES // (input_spec.side_px**2 * 3)
    shares = _slices(fresh, max(1, min(most, max(_SHARE, len(fresh) // (_SHARES * count_cores())))))
    workers = min(count_cores(), len(shares))
    if workers > 1 and len(fresh) > _FEW:
        with ProcessPoolExecutor(workers, get_context("fork"), _begin, (os.getpid(), filling)) as pool:
            try:
                for did in pool.map(_share, shares):
                    filling.take(did, progress)
            except BrokenProcessPool as error:
                hint = "most often the memory ran out: close other programs, or make very large photos smaller first"
                raise EdgetlError("a process that decodes photos was killed", where=[root], hint=hint) from error
    else:
        for share in shares:
            filling.take(filling.share(share), progress)
    filling.remember()
    return tuple(filling.glimpse(path) for path in paths)


class Pixels(MappedRows):
    """The pixels of a sequence of photos.

    Attributes:
        input_spec: side of the photos, and how they were brought to a square.
    """

    def __init__(self, open_segment: Callable[[int], Bytes], places: NDArray[np.int64], input_spec: InputSpec) -> None:
        super().__init__(open_segment, places, (input_spec.side_px, input_spec.side_px, 3))
        self.input_spec = input_spec

    def rows(self, indices: Sequence[int] | NDArray[np.int64]) -> Bytes:
        """Return the photos at these positions as a new array: uint8 [indices, side, side, 3], RGB, 0..255."""
        return self.gather(indices, np.uint8).astype(np.uint8, copy=False)


def open_pixels(sha256s: Sequence[str], input_spec: InputSpec) -> Pixels:
    """Open the pixels of photos that `fill_pixel_store` has decoded, in this order.

    Raises:
        DataError: some are not in the cache, because it was deleted meanwhile.
    """
    stored = segments.list_segments(input_spec)
    places = find_places(sha256s, [segment.sha256s() for segment in stored])
    missing = int(np.count_nonzero(places[:, 0] < 0))
    if missing:
        raise DataError(
            f"{missing} of {len(sha256s)} photos are not in the cache any more",
            where=[segments.locate_segments(input_spec)],
            hint="run the same command again: it decodes them again",
        )
    return Pixels(lambda number: stored[number].pixels(), places, input_spec)


@dataclass(slots=True)
class _Did:
    """What came of one share of the files."""

    files: int
    stamps: dict[str, Stamp] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    known: dict[str, StoredFacts] = field(default_factory=dict)


class _Filling:
    """What one `fill` knows. `share` runs in a process of its own; what it did comes back as a `_Did`."""

    def __init__(self, root: Path, input_spec: InputSpec, known: dict[str, StoredFacts]) -> None:
        self._root, self._shape, self._known = root, input_spec, known
        self._catalogue = segments.read_catalogue(root)
        self._stamps: dict[str, Stamp] = {}
        self._unreadable: dict[str, str] = {}
        self._began_ns = time.time_ns()

    def remembers(self, path: str) -> bool:
        """Whether a file is one whose content is known, going by its size and time of change."""
        remembered = self._catalogue.get(path, (0, 0, ""))
        if remembered[2] not in self._known or remembered[:2] != self._stamp(path):
            return False
        self._stamps[path] = remembered
        return True

    def share(self, paths: Sequence[str]) -> _Did:
        """Read some files and decode those with new content into a segment.

        Copies of one photo in two shares are decoded twice, which costs less than telling the processes of each other.
        """
        did = _Did(len(paths))
        with segments.create_segment(self._shape) as segment:
            for path in paths:
                try:
                    stamp = self._stamp(path)
                    data = pixels.read_photo(os.path.join(self._root, path))  # noqa: PTH118  (a Path takes longer than the read)
                except pixels.PhotoError as error:
                    did.unreadable[path] = str(error)
                    continue
                sha256 = hashlib.sha256(data).hexdigest()
                did.stamps[path] = (*stamp, sha256)
                if sha256 not in self._known and sha256 not in did.known:
                    did.known[sha256] = self._decode(sha256, data, segment)
        return did

    def take(self, did: _Did, progress: Callable[[int], None]) -> None:
        """Add what a share did."""
        self._stamps |= did.stamps
        self._unreadable |= did.unreadable
        self._known |= did.known
        progress(did.files)

    def remember(self) -> None:
        """Bring the catalogue up to date."""
        limit = self._began_ns - _SETTLED_NS
        settled = {path: stamp for path, stamp in self._stamps.items() if stamp[1] < limit}
        if settled != self._catalogue:
            segments.write_catalogue(self._root, settled)

    def glimpse(self, path: str) -> PhotoFacts:
        """What is known of a file that was handled."""
        if path in self._unreadable:
            return PhotoFacts(path, "", b"", self._unreadable[path])
        sha256 = self._stamps[path][2]
        return PhotoFacts(path, sha256, self._known[sha256].thumbnail, self._known[sha256].problem)

    def _stamp(self, path: str) -> tuple[int, int]:
        try:
            stat = os.stat(os.path.join(self._root, path))  # noqa: PTH116, PTH118
        except OSError:
            return (-1, -1)
        return stat.st_size, stat.st_mtime_ns

    def _decode(self, sha256: str, data: bytes, segment: SegmentWriter) -> StoredFacts:
        try:
            row, seen = _decoded(data, self._shape)
        except pixels.PhotoError as error:
            # Too little memory says something about this moment, not about the file: it is not kept.
            if not isinstance(error.__cause__, MemoryError):
                segment.problems[sha256] = str(error)
            return StoredFacts(b"", str(error))
        segment.add(sha256, seen, row)
        return StoredFacts(seen, "")


_filling: list[_Filling] = []  # In a forked process: the one it works for, inherited and not sent.


def _begin(parent: int, filling: _Filling) -> None:
    """Make this process die when the one that forked it does, however that ends; ^C is the parent's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    _filling.append(filling)


def _share(paths: Sequence[str]) -> _Did:
    return _filling[0].share(paths)


def _decoded(data: bytes, input_spec: InputSpec) -> tuple[Bytes, bytes]:
    """A photo's pixels and its looks, from one decode wherever that gives the same as two."""
    photo = pixels.open_image(data)
    alike = pixels.choose_reduction(photo, input_spec.side_px) == pixels.choose_reduction(photo, pixels.FLOOR_PX)
    image = pixels.decode_image(photo, input_spec.side_px)
    seen = looks.make_thumbnail(image if alike else pixels.decode_image(pixels.open_image(data), pixels.FLOOR_PX))
    return pixels.fit_image(image, input_spec.side_px, input_spec.fit), seen


def _slices(paths: Sequence[str], length: int) -> list[Sequence[str]]:
    return [paths[start : start + length] for start in range(0, len(paths), length)]
