"""Writes a folder of 1797 photos of handwritten digits: the demo dataset of a build without a photo folder."""

from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from edgetl.core.storage.cache import create_cached_folder


def write_digits(folder: Path) -> None:
    """Write scikit-learn's digits as `<digit>/<0000>.png`, grey, 8x8 px.

    The photos are not enlarged here: `core.photos.pixels` scales them to the input of the model, as any other photo.

    Args:
        folder: the folder to create, in the cache. If it exists, nothing is written.

    Raises:
        EdgetlError: the disk is full, or the cache cannot be written.

    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI, CC BY 4.0, in scikit-learn.
    """
    # The folder is complete if it exists, because `create_cached_folder` renames it when everything is written.
    if folder.exists():
        return
    digits = load_digits()
    with create_cached_folder(folder) as unfinished:
        for number, (image, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
            path = unfinished / str(digit) / f"{number:04}.png"
            path.parent.mkdir(exist_ok=True)
            # The 17 grey levels are 0..16. A factor of 16 or 17 would leave out white or overflow uint8.
            Image.fromarray(np.rint(image * 255 / 16).astype(np.uint8)).save(path)
