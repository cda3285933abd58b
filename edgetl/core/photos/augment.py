"""Photos → augmented views of them: mirrored, shifted, zoomed, cropped, recoloured. uint8 in, uint8 out.

A view depends only on the seed, the content of the photo and the number of the view. So it is the same on every
machine, backend and thread, and view 3 of a photo can be computed without views 1 and 2.
"""

import hashlib
import math

import numpy as np
from PIL import Image

from edgetl.core.recipe.tables import AugmentRecipe


def augment_photos(pixels: np.ndarray, sha256s: list[str], view: int, seed: int, recipe: AugmentRecipe) -> np.ndarray:
    """Compute one view of each photo.

    Args:
        pixels: uint8 [photos, height, width, 3], 0..255.
        sha256s: hash of each photo.
        view: number of the view, from 0.
        seed: seed of the recipe.
        recipe: bounds of the changes.

    Returns:
        uint8 [photos, height, width, 3]; `pixels` itself if the recipe changes nothing.
    """
    if not recipe.on:
        return pixels
    return np.stack(
        [_augment(photo, f"{seed}/{view}/{sha256}", recipe) for photo, sha256 in zip(pixels, sha256s, strict=True)]
    )


def _draw(text: str, count: int) -> np.ndarray:
    """Draw numbers from a text, uniform in 0..1: float64 [count]."""
    # A hash instead of a generator: numpy does not promise the same random stream in all versions.
    digest = hashlib.blake2b(text.encode(), digest_size=4 * count).digest()
    return np.frombuffer(digest, dtype="<u4") / 2**32


def _augment(photo: np.ndarray, text: str, recipe: AugmentRecipe) -> np.ndarray:
    """Mirror, shift, zoom and crop in one bilinear resampling, then brighten and recolour.

    Outside the photo, its edge is repeated.
    """
    height, width = photo.shape[:2]
    draws = _draw(text, 5)
    crop = _draw_crop(_draw(f"{text}/crop", 4), recipe.crop) if recipe.crop else (1.0, 1.0, 0.0, 0.0)
    shift_x, shift_y = ((2 * draws[0:2] - 1) * recipe.shift * np.array([width, height])).tolist()
    zoom = float(1 + (2 * draws[2] - 1) * recipe.zoom)
    flip = recipe.flip and draws[3] < 0.5
    # Wide enough for the largest shift and zoom: Pillow fills what is outside its input with black.
    margin = int(np.ceil(max(height, width) * (recipe.shift + recipe.zoom))) + 1
    padded = np.pad(photo, ((margin, margin), (margin, margin), (0, 0)), mode="edge")
    centre_x, centre_y = margin + width / 2, margin + height / 2
    # Pillow's affine transform maps a position in the result to one in the input: x' = a x + b y + c.
    step_x, step_y = (-1 if flip else 1) / zoom * crop[0], crop[1] / zoom
    centre_x, centre_y = centre_x + shift_x + crop[2] * width, centre_y + shift_y + crop[3] * height
    affine = (step_x, 0, centre_x - step_x * width / 2, 0, step_y, centre_y - height * crop[1] / (2 * zoom))
    moved = Image.fromarray(padded).transform(
        (width, height), Image.Transform.AFFINE, affine, resample=Image.Resampling.BILINEAR
    )
    gain = 1 + (2 * draws[4] - 1) * recipe.brightness
    # A table of all 256 levels is faster than the arithmetic on each pixel.
    level_table = np.clip(np.arange(256) * gain, 0, 255).round().astype(np.uint8)
    brightened: np.ndarray = level_table[np.asarray(moved)]
    return _recolour(brightened, _draw(f"{text}/colour", 2), recipe.colour) if recipe.colour else brightened


def _draw_crop(draws: np.ndarray, largest: float) -> tuple[float, float, float, float]:
    """Draw a crop: its width and height, and the shift of its centre, as fractions of the photo's.

    Source: Szegedy et al., "Going Deeper with Convolutions", CVPR 2015, section 6: the aspect ratios.
    """
    area = 1 - draws[0] * largest
    ratio = math.sqrt((4 / 3) ** (2 * draws[1] - 1))
    width, height = min(1.0, math.sqrt(area) * ratio), min(1.0, math.sqrt(area) / ratio)
    return width, height, (draws[2] - 0.5) * (1 - width), (draws[3] - 0.5) * (1 - height)


def _recolour(photo: np.ndarray, draws: np.ndarray, amount: float) -> np.ndarray:
    """Change contrast and saturation: the distance from the mean grey level, and of the channels from their grey.

    Source: Howard, "Some Improvements on Deep Convolutional Neural Network Based Image Classification", 2013.
    """
    contrast, saturation = (1 + (2 * draws - 1) * amount).tolist()
    levels = photo.astype(np.float32)
    grey = levels @ np.array([0.299, 0.587, 0.114], np.float32)
    mean = float(grey.mean())
    grey = grey[..., np.newaxis]
    changed = mean + contrast * (grey + saturation * (levels - grey) - mean)
    return np.asarray(np.clip(np.rint(changed), 0, 255), dtype=np.uint8)
