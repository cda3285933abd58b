"""In: a folder of photos. Out: a Dataset, with every photo decoded once into the store."""

from collections.abc import Callable
from pathlib import Path

from edgetl.core import dataset, pixelstore
from edgetl.core.dataset import Split
from edgetl.core.records import Dataset, Input


def ingest(root: Path, shape: Input, split: Split, *, progress: Callable[[int], None]) -> Dataset:
    """Find the photos, decode them, and sort them into train, validation and test.

    Nothing is ever written into the photos' folder.

    Args:
        root: the photos' folder, one folder per class or already split.
        shape: what the model eats.
        split: the fractions to draw.
        progress: called with n whenever n more photos are done.

    Raises:
        DataError: the photos cannot be used as they are.
        EdgetlError: the cache's disk is full or cannot be written.
    """
    tree = dataset.scan(root)
    glimpses = pixelstore.fill(tree.root, tree.paths, shape, progress=progress)
    return dataset.assemble(tree, glimpses, split)
