"""A folder of photos → a Dataset, with every photo decoded once into the pixel store."""

from edgetl.core.console import Console
from edgetl.core.photos import dataset, pixel_store
from edgetl.core.photos.groups.usable_photo import DuplicateChoice
from edgetl.core.photos.parts.draw import SplitFractions
from edgetl.core.photos.photo_folder import PhotoFolder
from edgetl.core.records import Dataset, InputSpec


def ingest_photos(
    folder: PhotoFolder,
    input_spec: InputSpec,
    split: SplitFractions,
    duplicates: DuplicateChoice = "group",
    *,
    console: Console,
) -> Dataset:
    """Decode the photos and divide them into train, validation and test.

    It runs on every build: nothing else detects a changed folder. Nothing is written into the folder.

    Args:
        folder: from `photo_folder.scan_photos`.
        input_spec: input of the model.
        split: fractions of validation and test.
        duplicates: what happens to near duplicates.
        console: shows the progress.

    Raises:
        DataError: the photos cannot be used as they are.
        EdgetlError: the disk of the cache is full, or the cache cannot be written.
    """
    # Photos that are in the store already are only hashed.
    with console.bar("photos", len(folder.files), "photos") as bar:
        facts = pixel_store.fill_pixel_store(
            folder.root, folder.paths, input_spec, progress=bar.advance, warn=console.warn
        )
    return dataset.assemble_dataset(folder, facts, split, duplicates=duplicates)
