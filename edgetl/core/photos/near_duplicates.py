"""In: decoded photos. Out: their looks, 243 bytes each, and which of them look the same.

Looks are a 9x9 RGB thumbnail, and a 64-bit difference hash is read off it. Two photos are near duplicates when BOTH
agree: the hash alone lumps solid colours and blurry shapes together, the thumbnail alone photos of one dim room.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE_PX = 9
BYTES = SIDE_PX * SIDE_PX * 3
HASH_DISTANCE = 7  # Of 64 bits. Of eight bands of 8 bits one is then equal, which is how pairs are found.
THUMBNAIL_DISTANCE = 5  # Mean absolute difference over the thumbnail, 0..255.

_MOST = THUMBNAIL_DISTANCE * BYTES
_PAIRS_AT_ONCE = 1 << 16

Bytes = NDArray[np.uint8]


def make_thumbnail(image: Image.Image) -> bytes:
    """The looks of an RGB image as `pixels.decoded(photo, pixels.FLOOR_PX)` gives it: 243 bytes."""
    # 64 samples a cell say enough, and cost a third of what looking at every pixel does.
    return image.resize((8 * SIDE_PX, 8 * SIDE_PX), Image.Resampling.NEAREST).reduce(8).tobytes()


def compute_hashes(looks: Bytes) -> NDArray[np.uint64]:
    """The difference hash of each: bit set where a cell is brighter than its left neighbour.

    Args:
        looks: uint8 [n, 243].

    Returns:
        uint64 [n], from the upper eight rows.

    Source: N. Krawetz, "Kind of Like That", hackerfactor.com 2013; Rec. 601 luma weights in thousandths.
    """
    rgb = looks.reshape(-1, SIDE_PX, SIDE_PX, 3)[:, :8].astype(np.int32)
    grey = rgb @ np.array([299, 587, 114], np.int32)
    brighter = (grey[:, :, 1:] > grey[:, :, :-1]).reshape(-1, 64)
    packed: NDArray[np.uint64] = np.packbits(brighter, axis=1).view(np.uint64)
    return packed.ravel()


def find_near_duplicates(looks: Bytes, among: Bytes) -> NDArray[np.int64]:
    """For each photo, the index of a near duplicate of it in `among`, or -1.

    Args:
        looks: uint8 [n, 243].
        among: uint8 [m, 243].

    Returns:
        int64 [n]; which of several near duplicates is named depends on nothing but the arguments.
    """
    found = np.full(len(looks), -1, np.int64)
    if len(looks) == 0 or len(among) == 0:
        return found
    hashed, hashed_among = compute_hashes(looks), compute_hashes(among)
    sums, sums_among = _sums(looks), _sums(among)
    for band in range(8):
        shift = np.uint64(8 * band)
        key = ((hashed >> shift) & np.uint64(0xFF)).astype(np.int64) << 20
        key_among = (((hashed_among >> shift) & np.uint64(0xFF)).astype(np.int64) << 20) | sums_among
        order = np.argsort(key_among, kind="stable")
        ordered = key_among[order]
        # Thumbnails that differ by d in all differ by at most d in their sums, so only a window of the band is left.
        first = np.searchsorted(ordered, key | np.maximum(sums - _MOST, 0), "left")
        last = np.searchsorted(ordered, key | (sums + _MOST), "right")
        width = 8
        while (open_ := np.flatnonzero((found < 0) & (first < last))).size:
            for some in np.array_split(open_, -(-open_.size * width // _PAIRS_AT_ONCE)):
                mine, theirs = _pairs(some, first, np.minimum(first + width, last))
                theirs = order[theirs]
                close = np.bitwise_count(hashed[mine] ^ hashed_among[theirs]) <= HASH_DISTANCE
                mine, theirs = mine[close], theirs[close]
                apart = np.abs(looks[mine].astype(np.int16) - among[theirs]).sum(axis=1, dtype=np.int64)
                mine, theirs = mine[apart <= _MOST], theirs[apart <= _MOST]
                found[mine[::-1]] = theirs[::-1]
            first = first + width
            width = min(2 * width, _PAIRS_AT_ONCE)
    return found


def _sums(looks: Bytes) -> NDArray[np.int64]:
    sums: NDArray[np.int64] = looks.sum(axis=1, dtype=np.int64)
    return sums


def _pairs(
    who: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each of `who` beside every position from its `first` up to its `last`."""
    counts = last[who] - first[who]
    mine = np.repeat(who, counts)
    ahead = np.arange(len(mine)) - np.repeat(np.cumsum(counts) - counts, counts)
    return mine, first[mine] + ahead
