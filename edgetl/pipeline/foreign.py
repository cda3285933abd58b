"""The photos of --foreign: scanned and decoded on every build, as the user's own photos are."""

import numpy as np

from edgetl.core.photos import near_duplicates, pixel_store
from edgetl.core.photos.foreign_photos import list_foreign_files, list_own_photos, select_foreign_photos
from edgetl.core.photos.near_duplicates import Thumbnails
from edgetl.core.photos.parts.duplicate_groups import read_thumbnails
from edgetl.core.records import Dataset, InputSpec
from edgetl.core.report.left_out import describe_left_out, tabulate_left_out
from edgetl.pipeline.context import Context
from edgetl.pipeline.runs.left_out import explain_refusal


def read_foreign_photos(context: Context, dataset: Dataset, input_spec: InputSpec) -> tuple[str, ...]:
    """Decode the photos of other things; return their sha256, or nothing without --foreign.

    Args:
        context: the order with their folder.
        dataset: the user's own photos, which are left out where they are in the folder, too. With `--near-duplicates
            keep`, their near duplicates count as photos of other things.
        input_spec: input of the model.

    Raises:
        DataError: no folder of photos, or photos that cannot be used.
    """
    root, console = context.order.foreign, context.console
    if root is None:
        return ()
    with explain_refusal(context.run.output, console):
        paths, others = list_foreign_files(root)
        with console.bar("photos of other things", len(paths), "photos") as bar:
            facts = pixel_store.fill_pixel_store(
                root.absolute(), paths, input_spec, progress=bar.advance, warn=console.warn
            )
        foreign = select_foreign_photos(root, facts, dataset, _read_own_thumbnails(context, dataset, input_spec))
    console.say(f"{len(foreign.sha256s)} photos of other things in {root}")
    left_out = (*others, *foreign.left_out)
    if left_out:
        console.warn(f"{root}: {describe_left_out(left_out)}")
        console.table(*tabulate_left_out(left_out))
    return foreign.sha256s


def _read_own_thumbnails(context: Context, dataset: Dataset, input_spec: InputSpec) -> Thumbnails:
    if context.order.recipe.photos.near_duplicates == "keep":
        return np.zeros((0, near_duplicates.THUMBNAIL_BYTES), np.uint8)
    return read_thumbnails([photo.sha256 for photo in list_own_photos(dataset)], input_spec)
