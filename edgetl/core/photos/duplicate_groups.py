"""Decoded photos → groups of near duplicates, which no fold may divide."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from edgetl.core.errors import DataError
from edgetl.core.photos import near_duplicates, segments
from edgetl.core.photos.near_duplicates import Thumbnails
from edgetl.core.records import InputSpec

# Bounds the memory of one comparison, which holds 243 differences for each pair.
_PAIRS_AT_ONCE = 1 << 16
# Above any sum of a thumbnail, 243 * 255.
_SUM_BITS = 20
_LARGEST_SUM_DISTANCE = near_duplicates.THUMBNAIL_DISTANCE * near_duplicates.THUMBNAIL_BYTES


def read_thumbnails(sha256s: Sequence[str], input_spec: InputSpec) -> Thumbnails:
    """Read the thumbnails of photos that are in the pixel store: uint8 [photos, 243], in this order.

    Raises:
        DataError: some are not in the cache any more.
    """
    facts = {sha256: fact for segment in segments.list_segments(input_spec) for sha256, fact in segment.facts().items()}
    missing = sum(sha256 not in facts for sha256 in sha256s)
    if missing:
        raise DataError(
            f"{missing} of {len(sha256s)} photos are not in the cache any more",
            where=[segments.locate_segments(input_spec)],
            hint="run the same command again: it decodes them again",
        )
    thumbnails = b"".join(facts[sha256].thumbnail for sha256 in sha256s)
    return np.frombuffer(thumbnails, np.uint8).reshape(-1, near_duplicates.THUMBNAIL_BYTES)


def group_near_duplicates(thumbnails: Thumbnails) -> NDArray[np.int64]:
    """Group photos that are near duplicates of each other, directly or through further photos.

    Args:
        thumbnails: uint8 [photos, 243].

    Returns:
        int64 [photos]: the lowest index of a photo in the same group.
    """
    parents = np.arange(len(thumbnails))
    hashes = near_duplicates.compute_hashes(thumbnails) if len(thumbnails) else np.empty(0, np.uint64)
    sums = thumbnails.sum(axis=1, dtype=np.int64)
    # Hashes that differ in at most seven bits have at least one of eight bytes in common.
    for byte in range(8):
        keys = ((hashes >> np.uint64(8 * byte)) & np.uint64(0xFF)).astype(np.int64) << _SUM_BITS | sums
        for pairs in _list_candidate_pairs(keys):
            # Pairs of one group need no comparison: a burst of thousands of photos stays affordable.
            apart = pairs[:, parents[pairs[0]] != parents[pairs[1]]]
            close = apart[:, np.bitwise_count(hashes[apart[0]] ^ hashes[apart[1]]) <= near_duplicates.HASH_DISTANCE]
            difference = np.abs(thumbnails[close[0]].astype(np.int16) - thumbnails[close[1]])
            near = close[:, difference.sum(axis=1, dtype=np.int64) <= _LARGEST_SUM_DISTANCE]
            for row, partner in near.T.tolist():
                first, second = sorted((_find_root(parents, row), _find_root(parents, partner)))
                parents[second] = first
            while not np.array_equal(flat := parents[parents], parents):
                parents = flat
    return parents


def _list_candidate_pairs(keys: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield pairs of photos with one equal byte and close sums, each pair once: int64 [2, pairs]."""
    order = np.argsort(keys, kind="stable")
    ends = np.searchsorted(keys[order], keys[order] + _LARGEST_SUM_DISTANCE, "right")
    begins = np.arange(1, len(keys) + 1)
    counts = ends - begins
    chunks = np.cumsum(counts) // _PAIRS_AT_ONCE
    for chunk in np.unique(chunks[counts > 0]):
        places = np.flatnonzero((chunks == chunk) & (counts > 0))
        rows = np.repeat(places, counts[places])
        steps = np.arange(len(rows)) - np.repeat(np.cumsum(counts[places]) - counts[places], counts[places])
        yield order[np.stack([rows, begins[rows] + steps])]


def _find_root(parents: NDArray[np.int64], row: int) -> int:
    while parents[row] != row:
        row = int(parents[row])
    return row
