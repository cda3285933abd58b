"""Photos → augmented views of them: mirrored, shifted, zoomed, brightened. uint8 in, uint8 out.

A view depends only on the seed, the content of the photo and the number of the view. So it is the same on every
machine, backend and thread, and view 3 of a photo can be computed without views 1 and 2.
"""

import hashlib

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
        [_augment(photo, _draw(sha256, view, seed), recipe) for photo, sha256 in zip(pixels, sha256s, strict=True)]
    )


def _draw(sha256: str, view: int, seed: int) -> np.ndarray:
    """Draw five numbers, uniform in 0..1: float64 [5]."""
    # A hash instead of a generator: numpy does not promise the same random stream in all versions.
    digest = hashlib.blake2b(f"{seed}/{view}/{sha256}".encode(), digest_size=20).digest()
    return np.frombuffer(digest, dtype="<u4") / 2**32


def _augment(photo: np.ndarray, draws: np.ndarray, recipe: AugmentRecipe) -> np.ndarray:
    """Mirror, shift and zoom in one bilinear resampling, then brighten. Outside the photo, its edge is repeated."""
    height, width = photo.shape[:2]
    shift_x, shift_y = ((2 * draws[0:2] - 1) * recipe.shift * np.array([width, height])).tolist()
    zoom = float(1 + (2 * draws[2] - 1) * recipe.zoom)
    flip = recipe.flip and draws[3] < 0.5
    # Wide enough for the largest shift and zoom: Pillow fills what is outside its input with black.
    margin = int(np.ceil(max(height, width) * (recipe.shift + recipe.zoom))) + 1
    padded = np.pad(photo, ((margin, margin), (margin, margin), (0, 0)), mode="edge")
    centre_x, centre_y = margin + width / 2, margin + height / 2
    # Pillow's affine transform maps a position in the result to one in the input: x' = a x + b y + c.
    step = (-1 if flip else 1) / zoom
    affine = (step, 0, centre_x + shift_x - step * width / 2, 0, 1 / zoom, centre_y + shift_y - height / (2 * zoom))
    moved = Image.fromarray(padded).transform(
        (width, height), Image.Transform.AFFINE, affine, resample=Image.Resampling.BILINEAR
    )
    gain = 1 + (2 * draws[4] - 1) * recipe.brightness
    # A table of all 256 levels is faster than the arithmetic on each pixel.
    level_table = np.clip(np.arange(256) * gain, 0, 255).round().astype(np.uint8)
    brightened: np.ndarray = level_table[np.asarray(moved)]
    return brightened
