"""Decoded photos → thumbnails of 243 bytes, and which of them are near duplicates.

A thumbnail is a 9x9 RGB image; a 64-bit difference hash is computed from it. Near duplicates must agree in BOTH: the
hash alone confuses solid colours and blurred shapes, the thumbnail alone confuses photos of one dark room.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE_PX = 9
THUMBNAIL_BYTES = SIDE_PX * SIDE_PX * 3
# Of 64 bits. Two hashes of eight bytes that differ in at most seven bits have at least one byte in common.
HASH_DISTANCE = 7
THUMBNAIL_DISTANCE = 5  # Mean absolute difference over the thumbnail, 0..255.

_LARGEST_SUM_DISTANCE = THUMBNAIL_DISTANCE * THUMBNAIL_BYTES
# Bounds the memory of one comparison, which holds 243 differences for each pair.
_PAIRS_AT_ONCE = 1 << 16

Thumbnails = NDArray[np.uint8]


def make_thumbnail(image: Image.Image) -> bytes:
    """Reduce the RGB image of `pixels.decode_image(photo, pixels.FLOOR_PX)` to 9x9 pixels: 243 bytes."""
    # 64 samples in each cell are as good as all pixels and take a third of the time.
    return image.resize((8 * SIDE_PX, 8 * SIDE_PX), Image.Resampling.NEAREST).reduce(8).tobytes()


def compute_hashes(thumbnails: Thumbnails) -> NDArray[np.uint64]:
    """Compute the difference hash of each thumbnail: a bit is set where a cell is brighter than its left neighbour.

    Args:
        thumbnails: uint8 [photos, 243].

    Returns:
        uint64 [photos], from the upper eight rows.

    Source: N. Krawetz, "Kind of Like That", hackerfactor.com 2013; Rec. 601 luma weights in thousandths.
    """
    rgb = thumbnails.reshape(-1, SIDE_PX, SIDE_PX, 3)[:, :8].astype(np.int32)
    grey = rgb @ np.array([299, 587, 114], np.int32)
    brighter = (grey[:, :, 1:] > grey[:, :, :-1]).reshape(-1, 64)
    hashes: NDArray[np.uint64] = np.packbits(brighter, axis=1).view(np.uint64)
    return hashes.ravel()


def find_near_duplicates(thumbnails: Thumbnails, candidates: Thumbnails) -> NDArray[np.int64]:
    """Find a near duplicate of each photo among candidates.

    Two photos are compared only if one byte of their hashes is equal and the sums of their thumbnails are close. So
    100 000 photos take seconds.

    Args:
        thumbnails: uint8 [photos, 243].
        candidates: uint8 [candidates, 243].

    Returns:
        int64 [photos], an index into `candidates`, -1 if there is none. Among several near duplicates the choice
        depends only on the arguments.
    """
    matches = np.full(len(thumbnails), -1, np.int64)
    if len(thumbnails) == 0 or len(candidates) == 0:
        return matches
    hashes, candidate_hashes = compute_hashes(thumbnails), compute_hashes(candidates)
    sums, candidate_sums = _compute_sums(thumbnails), _compute_sums(candidates)
    for byte in range(8):
        # A key is one byte of the hash, then the sum of the thumbnail: at most 61 965, so 20 bits are enough.
        keys = _select_byte(hashes, byte) << 20
        candidate_keys = (_select_byte(candidate_hashes, byte) << 20) | candidate_sums
        order = np.argsort(candidate_keys, kind="stable")
        sorted_keys = candidate_keys[order]
        # The sums of two thumbnails differ by at most their total difference, so candidates beyond it are skipped.
        begin = np.searchsorted(sorted_keys, keys | np.maximum(sums - _LARGEST_SUM_DISTANCE, 0), "left")
        end = np.searchsorted(sorted_keys, keys | (sums + _LARGEST_SUM_DISTANCE), "right")
        # Most photos with a near duplicate have it among the first candidates: the window starts small and doubles.
        window = 8
        while (unmatched := np.flatnonzero((matches < 0) & (begin < end))).size:
            for photos in np.array_split(unmatched, -(-unmatched.size * window // _PAIRS_AT_ONCE)):
                rows, positions = _list_pairs(photos, begin, np.minimum(begin + window, end))
                partners = order[positions]
                close = np.bitwise_count(hashes[rows] ^ candidate_hashes[partners]) <= HASH_DISTANCE
                rows, partners = rows[close], partners[close]
                difference = np.abs(thumbnails[rows].astype(np.int16) - candidates[partners])
                close = difference.sum(axis=1, dtype=np.int64) <= _LARGEST_SUM_DISTANCE
                rows, partners = rows[close], partners[close]
                # numpy keeps the last of several assignments to one element: reversed, that is the first partner.
                matches[rows[::-1]] = partners[::-1]
            begin = begin + window
            window = min(2 * window, _PAIRS_AT_ONCE)
    return matches


def _select_byte(hashes: NDArray[np.uint64], byte: int) -> NDArray[np.int64]:
    return ((hashes >> np.uint64(8 * byte)) & np.uint64(0xFF)).astype(np.int64)


def _compute_sums(thumbnails: Thumbnails) -> NDArray[np.int64]:
    sums: NDArray[np.int64] = thumbnails.sum(axis=1, dtype=np.int64)
    return sums


def _list_pairs(
    photos: NDArray[np.int64], begin: NDArray[np.int64], end: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pair each of some photos with every position from its `begin` to before its `end`: int64 [pairs] twice."""
    counts = end[photos] - begin[photos]
    rows = np.repeat(photos, counts)
    steps = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows, begin[rows] + steps
