"""Photos of a set, each corrupted when it is read."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.robustness.corruptions import corrupt_photos


class CorruptedPixels(Pixels):
    """A view of photos with a corruption: nothing is stored, and a photo looks the same whenever it is read.

    Args:
        photos: the photos as they are.
        place: position of the corruption in `CORRUPTIONS`, and of its strength.
        seed: of what is random.
    """

    def __init__(self, photos: Pixels, place: tuple[int, int], seed: int) -> None:
        places = np.stack([np.zeros(len(photos), np.int64), np.arange(len(photos))], axis=1)
        super().__init__(lambda _: photos.rows(np.arange(len(photos))), places, photos.input_spec)
        self._photos, self._place, self._seed = photos, place, seed

    def rows(self, indices: Sequence[int] | NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the corrupted photos at these positions: uint8 [indices, height, width, 3]."""
        rows = np.asarray(indices, np.int64)
        return corrupt_photos(self._photos.rows(rows), rows, self._place, self._seed)
