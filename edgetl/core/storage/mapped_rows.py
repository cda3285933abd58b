"""Rows of memory-mapped segments, gathered in any order: the common part of pixels and features."""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edgetl.core.interrupt import check_interrupt

# Each open segment keeps a file open, and by default Linux allows a process 1024 open files.
_OPEN_SEGMENTS = 256


class MappedRows:
    """Rows of several segments as one sequence. A row is read from disk when it is gathered."""

    def __init__(
        self, open_segment: Callable[[int], NDArray[np.generic]], places: NDArray[np.int64], row_shape: tuple[int, ...]
    ) -> None:
        """Create the sequence.

        Args:
            open_segment: returns a segment by its number: [segment rows, *row_shape].
            places: int64 [rows, 2], number of the segment and row within the segment.
            row_shape: shape of one row.
        """
        self.row_shape = row_shape
        self._places = places
        self._open_segment = lru_cache(_OPEN_SEGMENTS)(open_segment)

    def __len__(self) -> int:
        return len(self._places)

    def gather(self, indices: Sequence[int] | NDArray[np.int64], dtype: type) -> NDArray[np.generic]:
        """Return the rows at these positions as a new array of a dtype: [indices, *row_shape].

        Raises:
            Interrupted: ^C or SIGTERM was received.
        """
        # Training, prediction and calibration read each batch here, so each of them ends at its next batch.
        check_interrupt()
        places = self._places[np.asarray(indices, np.int64)]
        gathered: NDArray[np.generic] = np.empty((len(places), *self.row_shape), dtype)
        # One indexing operation per segment instead of one per row.
        for segment in np.unique(places[:, 0]):
            within = places[:, 0] == segment
            gathered[within] = self._open_segment(int(segment))[places[within, 1]]
        return gathered


def find_places(keys: Sequence[str], segments: Sequence[Sequence[str]]) -> NDArray[np.int64]:
    """Find the segment and the row of each key, or (-1, -1) for a key that is in no segment.

    Args:
        keys: keys of the requested rows.
        segments: keys of the rows of each segment.

    Returns:
        int64 [keys, 2].
    """
    places = {key: (number, row) for number, segment in enumerate(segments) for row, key in enumerate(segment)}
    return np.array([places.get(key, (-1, -1)) for key in keys], np.int64).reshape(-1, 2)
