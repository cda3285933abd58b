"""A photo and a map → the photo with the map over it, in half-transparent colours."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# From the least to the most evidence for the class: lightness grows with it, so that the colours keep their order in
# grey, and for readers who see few colours.
_COLOURS = np.array([[24, 15, 62], [114, 31, 129], [205, 64, 113], [253, 159, 108], [252, 253, 191]], np.float64)
# The photo stays visible everywhere.
_OPACITIES = (0.35, 0.65)


def draw_heat_map(photo: NDArray[np.uint8], values: np.ndarray, bounds: tuple[float, float]) -> NDArray[np.uint8]:
    """Draw a map over a photo.

    Args:
        photo: uint8 [height, width, 3].
        values: the map, float [rows, columns], of any size.
        bounds: the values that have the first and the last colour. Two maps with the same bounds can be compared.

    Returns:
        uint8 [height, width, 3].
    """
    low, high = bounds
    # A flat map has the colour of the middle.
    shares = np.clip((values - low) / (high - low), 0, 1) if high > low else np.full(values.shape, 0.5)
    size = photo.shape[1], photo.shape[0]
    grown = np.asarray(Image.fromarray(shares.astype(np.float32)).resize(size, Image.Resampling.BICUBIC))
    # Bicubic interpolation can exceed its values.
    grown = np.clip(grown, 0, 1)[..., None]
    stops = np.linspace(0, 1, len(_COLOURS))
    colours = np.stack([np.interp(grown[..., 0], stops, channel) for channel in _COLOURS.T], axis=-1)
    opacity = _OPACITIES[0] + (_OPACITIES[1] - _OPACITIES[0]) * grown
    return np.asarray(np.rint(photo * (1 - opacity) + colours * opacity), dtype=np.uint8)
