"""Measures and headers of photos → photos with a problem that one sees.

Sharpness, size, shape and channels are judged by what the other photos have: a data set of drawings, of thumbnails or
of grey photos has no thousand bad photos.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from edgetl.core.inspection.appearance import Appearance
from edgetl.core.inspection.findings import BadPhoto
from edgetl.core.inspection.photo_headers import PhotoHeader

# Chosen between ordinary and altered photos of three data sets. How many ordinary photos they name is not measured.
_SHARPNESS_OF_MEDIAN, _LARGEST_BLURRED = 0.25, 0.3
_DARK_LUMA, _BRIGHT_LUMA = 64.0, 160.0
_FEWEST_BITS, _LEAST_DEVIATION = 1.2, 6.0
_SHAPE_FACTOR, _SIZE_FACTOR = 2.5, 4.0
# Mean differences of channels, 0..255: below the first a photo is grey, above the second one is in colour.
_GREY, _COLOURED = 2.0, 12.0
# More photos are no exceptions.
_LARGEST_FRACTION = 0.1


def find_bad_photos(appearance: Appearance, headers: Sequence[PhotoHeader]) -> tuple[BadPhoto, ...]:
    """Find photos that are blurred, dark, overexposed, almost empty, or unlike the others in shape, size or channels.

    Args:
        appearance: measures of the pixels that a model sees.
        headers: of the same photos; a header without width is that of a file that could not be read again.

    Returns:
        The findings, the kinds in this order, and the rows of each in order of the measure, worst first.
    """
    return (
        *_find_blurred(appearance),
        *_find_exposures(appearance),
        *_find_empty(appearance),
        *_find_odd_sizes(headers),
        *_find_odd_channels(appearance, headers),
    )


def _find_blurred(appearance: Appearance) -> Iterator[BadPhoto]:
    sharpness = appearance.sharpness
    median = float(np.median(sharpness))
    limit = min(_SHARPNESS_OF_MEDIAN * median, _LARGEST_BLURRED)
    # A photo of one colour has no edges, and is reported as empty.
    blurred = (sharpness < limit) & (appearance.deviation >= _LEAST_DEVIATION)
    for row in _list_rows(blurred, sharpness):
        yield BadPhoto(row=row, problem="blurred", detail=f"{sharpness[row] / median:.0%} of the usual sharpness")


def _find_exposures(appearance: Appearance) -> Iterator[BadPhoto]:
    dark, bright = appearance.bright_end, appearance.dark_end
    for row in _list_rows(dark < _DARK_LUMA, dark):
        yield BadPhoto(row=row, problem="dark", detail=f"95 % of the pixels are darker than {dark[row]:.0f} of 255")
    for row in _list_rows(bright > _BRIGHT_LUMA, -bright):
        detail = f"95 % of the pixels are brighter than {bright[row]:.0f} of 255"
        yield BadPhoto(row=row, problem="overexposed", detail=detail)


def _find_empty(appearance: Appearance) -> Iterator[BadPhoto]:
    empty = (appearance.entropy < _FEWEST_BITS) | (appearance.deviation < _LEAST_DEVIATION)
    for row in _list_rows(empty, appearance.entropy):
        detail = f"{appearance.entropy[row]:.1f} bits of brightness in a pixel"
        yield BadPhoto(row=row, problem="low information", detail=detail)


def _find_odd_sizes(headers: Sequence[PhotoHeader]) -> Iterator[BadPhoto]:
    known = np.array([header.width_px > 0 for header in headers])
    if not known.any():
        return
    sizes = np.array([(max(1, header.width_px), max(1, header.height_px)) for header in headers], float)
    # Portrait and landscape are the same shape.
    shapes = sizes.max(axis=1) / sizes.min(axis=1)
    usual = float(np.median(shapes[known]))
    for row in _list_rare(known & (shapes > _SHAPE_FACTOR * usual), -shapes):
        header = headers[row]
        yield BadPhoto(row=row, problem="odd shape", detail=f"{header.width_px} x {header.height_px} px")
    sides = sizes.min(axis=1)
    middle = float(np.median(sides[known]))
    for row in _list_rare(known & (sides < middle / _SIZE_FACTOR), sides):
        header = headers[row]
        detail = f"{header.width_px} x {header.height_px} px, where {middle:.0f} px are usual"
        yield BadPhoto(row=row, problem="odd size", detail=detail)


def _find_odd_channels(appearance: Appearance, headers: Sequence[PhotoHeader]) -> Iterator[BadPhoto]:
    median = float(np.median(appearance.colour))
    if median > _COLOURED:
        for row in _list_rare(appearance.colour < _GREY, appearance.colour):
            yield BadPhoto(row=row, problem="odd channels", detail="grey, where the others are in colour")
    elif median < _GREY:
        for row in _list_rare(appearance.colour > _COLOURED, -appearance.colour):
            yield BadPhoto(row=row, problem="odd channels", detail="in colour, where the others are grey")
    alpha = np.array([header.mode in ("RGBA", "LA", "PA", "CMYK") or "16" in header.mode for header in headers])
    for row in _list_rare(alpha, np.arange(len(headers))):
        yield BadPhoto(row=row, problem="odd channels", detail=f"the file has {headers[row].mode} pixels")


def _list_rows(marked: np.ndarray, order: np.ndarray) -> list[int]:
    rows = np.flatnonzero(marked)
    return [int(row) for row in rows[np.argsort(order[rows], kind="stable")]]


def _list_rare(marked: np.ndarray, order: np.ndarray) -> list[int]:
    """List marked rows; none if many are marked, because then it is not odd."""
    return _list_rows(marked, order) if marked.sum() <= max(1, _LARGEST_FRACTION * len(marked)) else []
