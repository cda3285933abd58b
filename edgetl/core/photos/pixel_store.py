"""Paths of photos → the pixel store in the cache: every photo is decoded once, on all cores.

Photos are decoded by processes: threads lost a quarter of two cores to contention for the interpreter's lock, although
Pillow releases it. The processes are forked, so they start at once. Each writes its own segments.
"""

import time
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetl.core.errors import DataError
from edgetl.core.execution.executor import Executor
from edgetl.core.execution.forked_processes import ForkedProcesses
from edgetl.core.machine import count_cores
from edgetl.core.photos import segments
from edgetl.core.photos.decoding import share
from edgetl.core.photos.decoding.share import DecodingOrder, ShareResult
from edgetl.core.photos.segments import Bytes, Stamp, StoredFacts
from edgetl.core.records import InputSpec
from edgetl.core.storage.mapped_rows import MappedRows, find_places

_SEGMENT_BYTES = 64 * 1024 * 1024
_PHOTOS_WITHOUT_WORKERS = 128  # This process decodes so many photos before workers would have started.
# A share is what a worker decodes into one segment. Larger shares make fewer segments; more shares for each core make
# the cores finish at about the same time.
_SMALLEST_SHARE = 16
_SHARES_PER_CORE = 16
# A file that changed more recently may change again without a new time stamp, whose resolution is limited.
_SETTLED_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """Facts about a file: sha256 in hex ("" if unreadable), thumbnail, why it is unusable ("" if it is usable)."""

    path: str
    sha256: str
    thumbnail: bytes
    problem: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreFilling:
    """How photos are decoded into the store.

    Attributes:
        progress: called with n whenever n more photos are done.
        warn: called with a sentence if stored photos are damaged.
        executor: decodes the photos; None for the cores of this machine.
    """

    progress: Callable[[int], None]
    warn: Callable[[str], None] = lambda _: None
    executor: Executor | None = None


def fill_pixel_store(
    root: Path,
    paths: Sequence[str],
    input_spec: InputSpec,
    *,
    progress: Callable[[int], None],
    warn: Callable[[str], None] = lambda _: None,
) -> tuple[PhotoFacts, ...]:
    """Decode photos on the cores of this machine: see `decode_photos`."""
    return decode_photos(root, paths, input_spec, StoreFilling(progress=progress, warn=warn))


def decode_photos(
    root: Path, paths: Sequence[str], input_spec: InputSpec, filling: StoreFilling
) -> tuple[PhotoFacts, ...]:
    """Decode those of some photos that are not in the store yet, or are damaged there.

    Args:
        root: folder that the paths are relative to. Nothing is written into it.
        paths: photo files, posix.
        input_spec: height and width, and how a photo is fitted to them.
        filling: what decodes them, and what is called meanwhile.

    Returns:
        Facts about each path, in order. They depend only on the content of the file, not on `input_spec`.

    Raises:
        DataError: another machine does not have the folder.
        EdgetlError: the cache's disk is full or cannot be written, or a worker was killed.
        Interrupted: ^C or SIGTERM was received.
    """
    progress, executor = filling.progress, filling.executor
    segments.remove_stale_segments(input_spec)
    filler, changed = _start_filler(root, paths, input_spec, filling.warn)
    progress(len(paths) - len(changed))
    largest_share = _SEGMENT_BYTES // prod(input_spec.shape)
    share_photos = max(_SMALLEST_SHARE, len(changed) // (_SHARES_PER_CORE * count_cores()))
    shares = _split(changed, max(1, min(largest_share, share_photos)))
    workers = min(count_cores(), len(shares))
    if executor is None and workers > 1 and len(changed) > _PHOTOS_WITHOUT_WORKERS:
        executor = ForkedProcesses(workers)
    if executor is None:
        for paths_of_share in shares:
            # Described anew: copies in later shares are then not decoded again.
            filler.merge(share.decode_share(filler.describe(keep=True), paths_of_share), progress)
    elif shares:
        shared = filler.describe(keep=executor.shares_cache)
        for _, result in executor.run(share.make_share_spec(shared), shares):
            filler.merge(result, progress)
    filler.save_catalogue()
    return tuple(filler.collect_facts(path) for path in paths)


def _start_filler(
    root: Path, paths: Sequence[str], input_spec: InputSpec, warn: Callable[[str], None]
) -> tuple["_StoreFiller", list[str]]:
    """Return a filler that knows the intact segments, and the paths that are not in them as far as it knows."""
    while True:
        try:
            facts = {segment: segment.facts() for segment in segments.list_segments(input_spec)}
        except FileNotFoundError:  # Another process has dropped a damaged segment.
            continue
        filler = _StoreFiller(
            root, input_spec, {key: fact for entries in facts.values() for key, fact in entries.items()}
        )
        changed = [path for path in paths if not filler.is_unchanged(path)]
        # Segments of other photos are not read. The content of a changed file is not known yet, and may be in any.
        needed = [segment for segment in facts if changed or filler.is_stored(facts[segment])]
        damaged = [segment for segment in needed if not segment.is_intact()]
        if not damaged:
            return filler, changed
        for segment in damaged:
            warn(f"{len(facts[segment])} photos in the cache are damaged and are decoded again ({segment.path})")
            segment.drop()


class Pixels(MappedRows):
    """The pixels of a sequence of photos.

    Attributes:
        input_spec: height and width of the photos, and how they were fitted to them.
    """

    def __init__(self, open_segment: Callable[[int], Bytes], places: NDArray[np.int64], input_spec: InputSpec) -> None:
        super().__init__(open_segment, places, input_spec.shape)
        self.input_spec = input_spec

    def rows(self, indices: Sequence[int] | NDArray[np.int64]) -> Bytes:
        """Return the photos at these positions as a new array: uint8 [indices, height, width, 3], RGB, 0..255."""
        return self.gather(indices, np.uint8).astype(np.uint8, copy=False)


class DecodedPixels(Pixels):
    """Photos in memory: uint8 [photos, height, width, 3]."""

    def __init__(self, photos: Bytes, input_spec: InputSpec) -> None:
        places = np.array([(0, row) for row in range(len(photos))], np.int64)
        super().__init__(lambda _: photos, places, input_spec)


def open_pixels(sha256s: Sequence[str], input_spec: InputSpec) -> Pixels:
    """Open the pixels of photos that `fill_pixel_store` has decoded, in this order.

    Raises:
        DataError: some are damaged, or not in the cache, which was deleted meanwhile.
    """
    stored = segments.list_segments(input_spec)
    places = find_places(sha256s, [segment.sha256s() for segment in stored])
    needed = [stored[number] for number in np.unique(places[:, 0]) if number >= 0]
    damaged = [segment for segment in needed if not segment.is_intact()]
    for segment in damaged:
        segment.drop()
    missing = int(np.count_nonzero(places[:, 0] < 0))
    if missing or damaged:
        raise DataError(
            f"{missing} of {len(sha256s)} photos are not in the cache any more"
            if missing
            else "photos in the cache were damaged meanwhile, and were removed from it",
            where=[segments.locate_segments(input_spec)],
            hint="run the same command again: it decodes them again",
        )
    return Pixels(lambda number: stored[number].pixels(), places, input_spec)


class _StoreFiller:
    """State of one `fill_pixel_store`: what is stored, and what the tasks have added."""

    def __init__(self, root: Path, input_spec: InputSpec, facts: dict[str, StoredFacts]) -> None:
        self._root, self._input_spec, self._facts = str(root), input_spec, facts
        self._catalogue = segments.read_catalogue(root)
        self._folder = root
        self._stamps: dict[str, Stamp] = {}
        self._unreadable: dict[str, str] = {}
        self._start_ns = time.time_ns()

    def is_unchanged(self, path: str) -> bool:
        """Return whether the store has the content of a file, judged by its size and time of change."""
        stamp = self._catalogue.get(path, (0, 0, ""))
        if stamp[2] not in self._facts or stamp[:2] != share.read_stamp(self._root, path):
            return False
        self._stamps[path] = stamp
        return True

    def is_stored(self, sha256s: Container[str]) -> bool:
        """Return whether one of these contents is that of an unchanged file."""
        return any(sha256 in sha256s for _, _, sha256 in self._stamps.values())

    def describe(self, *, keep: bool) -> DecodingOrder:
        """Return what the tasks need to know; with `keep`, they write their segments into the cache."""
        stored = frozenset(self._facts)
        return DecodingOrder(root=self._root, input_spec=self._input_spec, stored=stored, keep=keep)

    def merge(self, result: ShareResult, progress: Callable[[int], None]) -> None:
        """Add the result of a share."""
        if result.segment is not None:
            result.segment.store(self._input_spec)
        self._stamps |= result.stamps
        self._unreadable |= result.unreadable
        self._facts |= result.facts
        progress(result.files)

    def save_catalogue(self) -> None:
        """Update the catalogue, without files that have just changed."""
        limit = self._start_ns - _SETTLED_NS
        settled = {path: stamp for path, stamp in self._stamps.items() if stamp[1] < limit}
        if settled != self._catalogue:
            segments.write_catalogue(self._folder, settled)

    def collect_facts(self, path: str) -> PhotoFacts:
        """Return the facts about a file that is unchanged or has been processed."""
        if path in self._unreadable:
            return PhotoFacts(path, "", b"", self._unreadable[path])
        sha256 = self._stamps[path][2]
        return PhotoFacts(path, sha256, self._facts[sha256].thumbnail, self._facts[sha256].problem)


def _split(paths: Sequence[str], length: int) -> list[Sequence[str]]:
    return [paths[start : start + length] for start in range(0, len(paths), length)]
