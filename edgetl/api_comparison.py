"""The Python API of `edgetl report` with several runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from edgetl.api_options import PathLike
from edgetl.core.errors import ConfigError
from edgetl.pipeline.pages.comparison import ComparisonReport, write_comparison
from edgetl.pipeline.pages.report import REPORT_FORMATS


def compare(
    runs: Sequence[PathLike],
    *,
    out: PathLike | None = None,
    format: Literal["html", "md"] = "html",  # noqa: A002
    quiet: bool = False,
) -> ComparisonReport:
    """Compare finished runs with the first of them, photo by photo where they share test photos.

    Nothing is trained, converted or scored.

    Args:
        runs: at least two run folders, the base line first.
        out: the file; by default comparison.html or comparison.md beside the first run.
        format: "html" for a page, or "md" for Markdown of a pull request.
        quiet: show warnings and errors only.

    Returns:
        The file, `comparison.path`, and its content, `comparison.comparison`.

    Raises:
        ConfigError: fewer than two runs, a run that is named twice or not finished, or an unknown format.
        StageError: a file of a run is damaged.
    """
    if format not in REPORT_FORMATS:
        raise ConfigError(f"unknown format {format!r}", hint=f"it is {' or '.join(REPORT_FORMATS)}")
    if isinstance(runs, str) or len(runs) < 2:
        raise ConfigError("a comparison needs at least two runs", hint="edgetl.report(run) writes the page of one run")
    out_path = Path(out) if out is not None else None
    return write_comparison([Path(run) for run in runs], out_path, format_name=format, quiet=quiet)
