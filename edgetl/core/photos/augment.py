"""A training photo as it might also have been taken: mirrored, moved, closer, brighter. uint8 in, uint8 out.

Each view is drawn from (seed, photo, view) alone, so it is the same on every machine, backend and thread, and view 3
of a photo can be computed without views 1 and 2.
"""

import hashlib

import numpy as np
from PIL import Image

from edgetl.core.recipe.tables import AugmentRecipe


def augment_photos(pixels: np.ndarray, keys: list[str], view: int, seed: int, how: AugmentRecipe) -> np.ndarray:
    """One view of each photo.

    Args:
        pixels: uint8 [photos, side, side, 3], 0..255.
        keys: the sha256 of each photo.
        view: which of its views, from 0; training counts epochs here.
        seed: the recipe's seed.
        how: how far a photo may be changed.

    Returns:
        uint8 [photos, side, side, 3].
    """
    if not how.on:
        return pixels
    return np.stack([_view(photo, _draws(key, view, seed), how) for photo, key in zip(pixels, keys, strict=True)])


def _draws(key: str, view: int, seed: int) -> np.ndarray:
    """Five numbers, uniform in 0..1."""
    digest = hashlib.blake2b(f"{seed}/{view}/{key}".encode(), digest_size=20).digest()
    return np.frombuffer(digest, dtype="<u4") / 2**32


def _view(photo: np.ndarray, draws: np.ndarray, how: AugmentRecipe) -> np.ndarray:
    """Mirror, move and zoom in one bilinear resampling, then brighten. What moves into the frame repeats the edge."""
    side = photo.shape[0]
    across, down = ((2 * draws[0:2] - 1) * how.shift * side).tolist()
    zoom = float(1 + (2 * draws[2] - 1) * how.zoom)
    flip = how.flip and draws[3] < 0.5
    margin = int(np.ceil(side * (how.shift + how.zoom))) + 1
    framed = np.pad(photo, ((margin, margin), (margin, margin), (0, 0)), mode="edge")
    middle = margin + side / 2
    step = (-1 if flip else 1) / zoom
    affine = (step, 0, middle + across - step * side / 2, 0, 1 / zoom, middle + down - side / (2 * zoom))
    moved = Image.fromarray(framed).transform(
        (side, side), Image.Transform.AFFINE, affine, resample=Image.Resampling.BILINEAR
    )
    gain = 1 + (2 * draws[4] - 1) * how.brightness
    table = np.clip(np.arange(256) * gain, 0, 255).round().astype(np.uint8)
    brightened: np.ndarray = table[np.asarray(moved)]
    return brightened
