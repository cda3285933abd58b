"""Corruptions of photos at three strengths, which represent the effects of cameras and light.

Blur, dark, noise and JPEG are those of ImageNet-C at the severities 1, 3 and 5:

- blur: a Gaussian with a standard deviation of 1, 3 and 6 px on a side of 224 px; on another side, in proportion;
- dark: the value in HSV minus 0.1, 0.3 and 0.5: its "brightness" with the opposite sign;
- noise: Gaussian, independent for each pixel and channel, with a standard deviation of 0.08, 0.18 and 0.38 of white;
- JPEG: quality 25, 15 and 7, which is 75, 85 and 93 below 100.

ImageNet-C has neither of the following, so their strengths are ours:

- rotation: 5, 15 and 30 degrees, to the left or right by the seed; what is outside of the photo is its mirror image;
- colour cast: red times 1.1, 1.3 and 1.6 and blue divided by it, as a white balance for daylight under a warm lamp.

All act on the photo at the size of the model's input. A strength of 0 leaves the photo as it is.

Source: Hendrycks, Dietterich (2019), Benchmarking neural network robustness to common corruptions and perturbations,
ICLR, section 3 and appendix; parameters of their published code.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Photo = NDArray[np.uint8]
# The side for which ImageNet-C states lengths in pixels.
_SIDE_PX = 224
SEVERITIES = (1, 3, 5)


@dataclass(frozen=True, slots=True)
class Corruption:
    """A corruption.

    Attributes:
        name: its name in tables.
        phrase: where the photos are, in a sentence.
        strengths: at the severities 1, 3 and 5.
        apply: function from a photo, uint8 [height, width, 3], a strength and a generator to a new photo.
    """

    name: str
    phrase: str
    strengths: tuple[float, float, float]
    apply: Callable[[Photo, float, np.random.Generator], Photo]


def blur_photo(photo: Photo, sigma: float, _: np.random.Generator) -> Photo:
    """Blur a photo with a Gaussian, whose `sigma` is for a longer side of 224 px."""
    radius = sigma * max(photo.shape[:2]) / _SIDE_PX
    return np.array(Image.fromarray(photo).filter(ImageFilter.GaussianBlur(radius)))


def darken_photo(photo: Photo, amount: float, _: np.random.Generator) -> Photo:
    """Lower the value of each pixel in HSV by `amount` of white; hue and saturation stay."""
    value = photo.max(axis=2, keepdims=True) / 255
    # Hue and saturation stay where all channels have the same factor. Black has no factor, and stays black.
    factor = np.clip(value - amount, 0, 1) / np.where(value == 0, 1, value)
    return _round(photo * factor)


def add_noise(photo: Photo, deviation: float, generator: np.random.Generator) -> Photo:
    """Add Gaussian noise with this standard deviation, in fractions of white, to each pixel and channel."""
    return _round(photo + 255 * deviation * generator.standard_normal(photo.shape))


def compress_photo(photo: Photo, loss: float, _: np.random.Generator) -> Photo:
    """Compress a photo to JPEG with a quality of 100 minus `loss`; 0 leaves it as it is."""
    if loss == 0:
        return photo.copy()
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "JPEG", quality=round(100 - loss))
    return np.array(Image.open(file))


def rotate_photo(photo: Photo, degrees: float, generator: np.random.Generator) -> Photo:
    """Rotate a photo around its centre, to the left or right at random; its mirror image fills the corners."""
    height, width = photo.shape[:2]
    angle = degrees * (1 if generator.random() < 0.5 else -1)
    # A corner is at most so far outside: half of the diagonal minus half of the shorter side.
    margin = int(np.ceil((np.hypot(height, width) - min(height, width)) / 2)) + 1
    padded = np.pad(photo, ((margin, margin), (margin, margin), (0, 0)), mode="symmetric")
    rotated = np.array(Image.fromarray(padded).rotate(angle, Image.Resampling.BILINEAR))
    return rotated[margin : margin + height, margin : margin + width].copy()


def cast_colour(photo: Photo, amount: float, _: np.random.Generator) -> Photo:
    """Multiply red by 1 + `amount` and divide blue by it."""
    return _round(photo * np.array([1 + amount, 1, 1 / (1 + amount)]))


CORRUPTIONS = (
    Corruption("blur", "out of focus", (1, 3, 6), blur_photo),
    Corruption("dark", "in the dark", (0.1, 0.3, 0.5), darken_photo),
    Corruption("noise", "with sensor noise", (0.08, 0.18, 0.38), add_noise),
    Corruption("JPEG", "after JPEG compression", (75, 85, 93), compress_photo),
    Corruption("rotation", "with a rotated camera", (5, 15, 30), rotate_photo),
    Corruption("colour cast", "under a warm lamp", (0.1, 0.3, 0.6), cast_colour),
)


def corrupt_photos(photos: Photo, rows: NDArray[np.int64], place: tuple[int, int], seed: int) -> Photo:
    """Corrupt photos of a set. The result for a photo depends on nothing but the arguments and its row.

    Args:
        photos: uint8 [photos, height, width, 3].
        rows: positions of these photos in their set.
        place: position in `CORRUPTIONS`, and of the strength.
        seed: of noise and of the direction of rotations.

    Returns:
        uint8 of the same shape.
    """
    number, level = place
    corruption = CORRUPTIONS[number]
    strength = corruption.strengths[level]
    return np.stack(
        [
            corruption.apply(photo, strength, np.random.default_rng((seed, number, level, int(row))))
            for photo, row in zip(photos, rows, strict=True)
        ]
    )


def _round(values: np.ndarray) -> Photo:
    return np.asarray(np.clip(np.rint(values), 0, 255), dtype=np.uint8)
