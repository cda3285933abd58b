"""The Python API of `edgetl inspect`."""

from typing import TypedDict, Unpack

from edgetl.api_options import PathLike, collect_options, show_options, to_path
from edgetl.pipeline.options import InspectOptions
from edgetl.pipeline.pages.inspection import Inspected, open_inspection, run_inspection


class InspectKeywords(TypedDict, total=False):
    """Keyword options of `inspect`: see `edgetl inspect --help`."""

    test: PathLike | None
    exclude: PathLike | None
    base: str | None
    alpha: float | None
    side: int | None
    weights: str | None
    pooling: str | None
    fit: str | None
    layout: str | None
    label_from: str | None
    multi_label: bool
    label_separator: str | None
    group_by: str | None
    near_duplicates: str | None
    recipe: str | None


@show_options(InspectOptions)
def inspect(
    photos: PathLike | None = None,
    *,
    out: PathLike | None = None,
    quiet: bool = False,
    **options: Unpack[InspectKeywords],
) -> Inspected:
    """Look for wrong labels, bad photos, duplicates, confusing classes and shortcuts, before training.

    Nothing in the folder of photos is changed.

    Args:
        photos: folder of photos, one folder per class; None for the embedded handwritten digits.
        out: the folder of the inspection; by default one in edgetl-runs for each folder of photos.
        quiet: show warnings and errors only.
        **options: as on the command line.

    Returns:
        The findings; `inspected.page` is the page, `inspected.suspects` the file for `exclude` of `build`.

    Raises:
        ConfigError: an option that does not exist, or has a wrong value, or photos with several labels.
        DataError: the photos cannot be used.
        StageError: a library failed.
    """
    with open_inspection(collect_options(InspectOptions, photos, options), to_path(out), quiet=quiet) as context:
        return run_inspection(context)
