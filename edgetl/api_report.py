"""The Python API of `edgetl report`."""

from pathlib import Path
from typing import Literal

from edgetl.api_options import PathLike
from edgetl.core.errors import ConfigError
from edgetl.pipeline.pages.report import REPORT_FORMATS, Report, open_report, write_markdown, write_report
from edgetl.pipeline.pages.robustness import add_robustness


def report(
    run: PathLike,
    *,
    format: Literal["html", "md"] = "html",  # noqa: A002
    robustness: bool = False,
    quiet: bool = False,
) -> Report:
    """Write a page with all results of a finished run into its folder. Every build writes it, too.

    Nothing is trained or converted, and nothing scored without `robustness`.

    Args:
        run: a run folder.
        format: "html" for the page, or "md" for the summary of a pull request.
        robustness: measure accuracy on corrupted validation photos, which takes minutes. The result is kept in the run.
        quiet: show warnings and errors only.

    Returns:
        The page: `report.path`.

    Raises:
        ConfigError: not a run folder, a run that is not finished, or an unknown format.
        DataError: `robustness`, and the validation photos are gone.
        StageError: a file of the run is damaged, or a library failed.
    """
    if format not in REPORT_FORMATS:
        raise ConfigError(f"unknown format {format!r}", hint=f"it is {' or '.join(REPORT_FORMATS)}")
    with open_report(Path(run), quiet=quiet) as context:
        if robustness:
            add_robustness(context)
        return write_report(context) if format == "html" else write_markdown(context)
