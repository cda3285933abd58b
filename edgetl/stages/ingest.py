"""In: a tree of photos. Out: a Dataset, with every photo decoded once into the store."""

from collections.abc import Callable

from edgetl.core.photos import dataset, pixel_store
from edgetl.core.photos.dataset import Split
from edgetl.core.photos.photo_folder import Tree
from edgetl.core.records import Dataset, Input


def ingest(tree: Tree, shape: Input, split: Split, *, progress: Callable[[int], None]) -> Dataset:
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
    glimpses = pixel_store.fill(tree.root, tree.paths, shape, progress=progress)
    return dataset.assemble(tree, glimpses, split)
