"""A dataset of the drawn photos, decoded in the cache of the tests, for which nothing is trained."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgetl.core.photos import pixels
from edgetl.core.photos.dataset import assemble_dataset
from edgetl.core.photos.parts.draw import SplitFractions
from edgetl.core.photos.photo_folder import scan_photos
from edgetl.core.photos.pixel_store import fill_pixel_store
from edgetl.core.records import Dataset, InputSpec, Photo


@pytest.fixture(scope="session")
def dataset(photos: Path, cache: Path) -> Dataset:
    """120 photos of three classes, decoded to 32 px."""
    folder = scan_photos(photos)
    facts = fill_pixel_store(
        folder.root, folder.paths, InputSpec(height_px=32, width_px=32, fit="crop"), progress=lambda _: None
    )
    return assemble_dataset(folder, facts, SplitFractions(test=0.2, validation=0.2))


@pytest.fixture(scope="session")
def load_pixels(dataset: Dataset) -> Callable[[Photo], np.ndarray]:
    """Decode a photo of the dataset without the store: uint8 [32, 32, 3]."""
    return lambda photo: pixels.load_photo(dataset.root / photo.path, 32, 32, "crop")
