"""A folder of photos → a Dataset, with every photo decoded once into the pixel store."""

from edgetl.core.console import Console
from edgetl.core.execution.executor import Executor
from edgetl.core.photos import dataset, pixel_store
from edgetl.core.photos.groups.usable_photo import DuplicateChoice
from edgetl.core.photos.parts.draw import SplitFractions
from edgetl.core.photos.photo_folder import PhotoFolder
from edgetl.core.photos.pixel_store import PhotoFacts, StoreFilling
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
    facts = decode_folder(folder, input_spec, console)
    return dataset.assemble_dataset(folder, facts, split, duplicates=duplicates)


def decode_folder(
    folder: PhotoFolder, input_spec: InputSpec, console: Console, executor: Executor | None = None
) -> tuple[PhotoFacts, ...]:
    """Decode the photos of a folder into the pixel store, and return facts about them, in order.

    Args:
        folder: from `photo_folder.scan_photos`.
        input_spec: input of the model.
        console: shows the progress.
        executor: decodes them; None for the cores of this machine.

    Raises:
        DataError: another machine does not have the folder.
        EdgetlError: the disk of the cache is full, or the cache cannot be written.
    """
    # Photos that are in the store already are only hashed.
    with console.bar("photos", len(folder.files), "photos") as bar:
        filling = StoreFilling(progress=bar.advance, warn=console.warn, executor=executor)
        return pixel_store.decode_photos(folder.root, folder.paths, input_spec, filling)
