"""In: a tree of photos. Out: a Dataset, with every photo decoded once into the store."""

from collections.abc import Callable

from edgetl.core.photos import dataset, pixel_store
from edgetl.core.photos.dataset import SplitFractions
from edgetl.core.photos.photo_folder import PhotoFolder
from edgetl.core.records import Dataset, InputSpec


def ingest(tree: PhotoFolder, shape: InputSpec, split: SplitFractions, *, progress: Callable[[int], None]) -> Dataset:
    """Decode the photos and sort them into train, validation and test.

    Nothing is ever written into the photos' folder.

    Args:
        tree: what `scan` found in the photos' folder.
        shape: what the model eats.
        split: the fractions to draw.
        progress: called with n whenever n more photos are done.

    Raises:
        DataError: the photos cannot be used as they are.
        EdgetlError: the cache's disk is full or cannot be written.
    """
    glimpses = pixel_store.fill_pixel_store(tree.root, tree.paths, shape, progress=progress)
    return dataset.assemble_dataset(tree, glimpses, split)
