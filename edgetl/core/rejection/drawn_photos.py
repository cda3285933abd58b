"""Images of nothing that a photo shows: drawn shapes and noise, and photos whose patches are shuffled.

They need no download, and any classifier should find none of its classes in them.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Rows and columns of patches. With fewer, a patch can contain a whole object.
_PATCHES = 4
# Noise, stripes, checks, gradients and discs.
_KINDS = 5

_Plane = NDArray[np.float64]


def draw_images(count: int, height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """Draw images: noise, stripes, checks, gradients and discs in random colours, in turn.

    Args:
        count: number of images.
        height: in pixels.
        width: in pixels.
        seed: the same seed gives the same images.

    Returns:
        uint8 [count, height, width, 3].
    """
    generator = np.random.default_rng(seed)
    down, across = np.mgrid[0:height, 0:width].astype(np.float64)
    down, across = down / height, across / width
    images = []
    for index in range(count):
        colours = generator.integers(0, 256, (2, 3)).astype(np.float64)
        frequency, angle = generator.uniform(1, 12), generator.uniform(0, np.pi)
        centre, noise = generator.uniform(0.2, 0.8, 2), generator.random((height, width))
        radius = generator.uniform(0.1, 0.4)
        # All numbers are drawn for each image, and only the image of its kind is computed.
        share: NDArray[Any]
        match index % _KINDS:
            case 0:
                share = noise
            case 1:
                share = _draw_wave(across, down, frequency, angle) > 0
            case 2:
                share = np.floor(across * frequency) % 2 == np.floor(down * frequency) % 2
            case 3:
                share = (_draw_wave(across, down, frequency, angle) / frequency + across) / 2
            case _:
                share = np.hypot(down - centre[0], across - centre[1]) < radius
        share = np.clip(np.asarray(share, dtype=np.float64), 0, 1)[..., None]
        images.append(np.rint(share * colours[0] + (1 - share) * colours[1]).astype(np.uint8))
    return np.stack(images)


def _draw_wave(across: _Plane, down: _Plane, frequency: float, angle: float) -> _Plane:
    wave: _Plane = np.sin(2 * np.pi * frequency * (np.cos(angle) * across + np.sin(angle) * down))
    return wave


def shuffle_patches(photos: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """Cut photos into patches, and put them together in a random order.

    Rows and columns beyond a multiple of the patches stay where they are.

    Args:
        photos: uint8 [photos, height, width, 3].
        seed: the same seed gives the same order.
    """
    generator = np.random.default_rng(seed)
    high, wide = photos.shape[1] // _PATCHES, photos.shape[2] // _PATCHES
    places = [(row * high, column * wide) for row in range(_PATCHES) for column in range(_PATCHES)]
    shuffled = photos.copy()
    for index, photo in enumerate(photos):
        for (top, left), source in zip(places, generator.permutation(len(places)), strict=True):
            down, across = places[source]
            shuffled[index, top : top + high, left : left + wide] = photo[down : down + high, across : across + wide]
    return shuffled
