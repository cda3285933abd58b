"""Photos of a run → thumbnails for a page, from the cache or decoded again."""

from collections.abc import Sequence

import numpy as np

from edgetl.core.errors import DataError
from edgetl.core.pages.thumbnails import Thumbnails
from edgetl.core.photos import pixel_store
from edgetl.core.records import Dataset, InputSpec, Photo
from edgetl.pipeline.context import Context


def open_thumbnails(
    context: Context, photos: Sequence[Photo], source: tuple[Dataset, InputSpec]
) -> tuple[Thumbnails, tuple[str, ...]]:
    """Open photos in the cache; where they are not there any more, decode them again.

    Args:
        context: of the run.
        photos: some of the data set; the rows of the thumbnails are those of this sequence.
        source: the data set, and the input of the model.

    Returns:
        The thumbnails, and sentences about what is missing: none, or why there are no pictures.
    """
    dataset, spec = source
    sha256s, paths = [photo.sha256 for photo in photos], [photo.path for photo in photos]
    try:
        pixels = pixel_store.open_pixels(sha256s, spec)
    except DataError:
        try:
            with context.console.bar("decode the photos of the page", len(paths), "photos") as bar:
                pixel_store.fill_pixel_store(dataset.root, paths, spec, progress=bar.advance)
            pixels = pixel_store.open_pixels(sha256s, spec)
        except DataError as error:
            note = f"the page has no pictures: {error.message}, and the photos in {dataset.root} are others or gone"
            context.console.warn(note)
            return Thumbnails(None), (f"{note[0].upper()}{note[1:]}.",)
    return Thumbnails(lambda rows: pixels.rows(np.array(rows))), ()
