"""Pixels of photos → thumbnails inside a page, as data URIs, within a budget of bytes."""

import base64
import io
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# The whole page has less than 5 MB, those of a section with a budget of its own included.
BUDGET_BYTES = 3_400_000
_QUALITY = 72


class Thumbnails:
    """Makes thumbnails of photos.

    Args:
        pixels: function from rows to uint8 [rows, height, width, 3]; None where the photos are not there any more.
        budget_bytes: of all thumbnails together; those beyond it are left out.
    """

    def __init__(
        self, pixels: Callable[[Sequence[int]], NDArray[np.uint8]] | None, budget_bytes: int = BUDGET_BYTES
    ) -> None:
        self._pixels = pixels
        self._rest = budget_bytes
        self.left_out = 0

    def select(self, find_row: Callable[[int], int], budget_bytes: int) -> "Thumbnails":
        """Return thumbnails of the same photos with other rows, and with a budget of their own.

        Args:
            find_row: function from the new row to the row of these thumbnails.
            budget_bytes: of all new thumbnails together.
        """
        pixels = self._pixels
        if pixels is None:
            return Thumbnails(None)
        return Thumbnails(lambda rows: pixels([find_row(row) for row in rows]), budget_bytes)

    def make(
        self, row: int, side_px: int, draw: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] = lambda pixels: pixels
    ) -> str:
        """Return the data URI of a photo, with what `draw` makes of its pixels.

        Args:
            row: of the photo.
            side_px: its longer side has at most so many pixels.
            draw: function from uint8 [height, width, 3] to the same.

        Returns:
            The data URI; "" beyond the budget.
        """
        if self._pixels is None:
            return ""
        image = Image.fromarray(draw(self._pixels([row])[0]))
        image.thumbnail((side_px, side_px), Image.Resampling.BILINEAR)
        file = io.BytesIO()
        image.save(file, "WEBP", quality=_QUALITY, method=2)
        uri = f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
        if len(uri) > self._rest:
            self.left_out += 1
            return ""
        self._rest -= len(uri)
        return uri
