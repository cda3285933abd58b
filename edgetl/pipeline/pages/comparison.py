"""Several finished runs → a page that compares them. Nothing is trained, converted or scored."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetl.core.comparison.comparison_markdown import render_comparison_markdown
from edgetl.core.comparison.run_comparison import ComparedRun, RunComparison, compare_runs
from edgetl.core.errors import ConfigError
from edgetl.core.run.fingerprint import installed_version
from edgetl.core.storage.files import write_text
from edgetl.pipeline import stages
from edgetl.pipeline.pages.report import open_report, read_run
from edgetl.pipeline.runs.build_command import show_path
from edgetl.pipeline.runs.recipe_values import flatten_order, list_run_facts

_FILE = "comparison"


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonReport:
    """A comparison that was written.

    Attributes:
        path: the file.
        bytes: its size.
        seconds: that reading the runs and writing the file took.
        comparison: what it contains.
    """

    path: Path
    bytes: int
    seconds: float
    comparison: RunComparison

    def dump(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "path": str(self.path),
            "bytes": self.bytes,
            "seconds": self.seconds,
            **self.comparison.dump(),
        }


def write_comparison(
    roots: Sequence[Path], out: Path | None = None, *, format_name: str = "html", quiet: bool = False
) -> ComparisonReport:
    """Compare runs with the first of them, and write the result.

    Args:
        roots: at least two run folders.
        out: the file. By default it is `comparison.html` or `comparison.md` beside the first run: a run folder contains
            what its build made, and a comparison belongs to none of them.
        format_name: html or md.
        quiet: whether warnings and errors only are shown.

    Raises:
        ConfigError: a run is not finished, is named twice, or the folder of the file does not exist.
        StageError: a file of a run is damaged.
    """
    start = time.monotonic()
    _check_roots(roots)
    path = (out or roots[0].absolute().parent / f"{_FILE}.{format_name}").absolute()
    _check_path(path)
    # Pictures are those of the first run: the others have the same photos.
    runs = [
        _read_compared(root, pictures=not number and format_name == "html", quiet=quiet)
        for number, root in enumerate(roots)
    ]
    comparison = compare_runs(runs)
    if format_name == "md":
        write_text(path, render_comparison_markdown(comparison))
    else:
        stages.comparison_page.write_comparison_page(path, comparison, runs[0].facts, installed_version("edgetl"))
    return ComparisonReport(
        path=path,
        bytes=path.stat().st_size,
        seconds=round(time.monotonic() - start, 2),
        comparison=comparison,
    )


def _read_compared(root: Path, *, pictures: bool, quiet: bool) -> ComparedRun:
    with open_report(root, quiet=quiet) as context:
        facts, targets = read_run(context, pictures=pictures)
        recipe = {**flatten_order(context.order), **list_run_facts(facts)}
    return ComparedRun(name=str(show_path(root)), facts=facts, targets=targets, recipe=recipe)


def _check_roots(roots: Sequence[Path]) -> None:
    names: dict[Path, Path] = {}
    for root in roots:
        if root.resolve() in names:
            raise ConfigError(
                f"the run {root} is named twice",
                where=(root.resolve(),),
                hint="name each run once, the base line first",
            )
        names[root.resolve()] = root


def _check_path(path: Path) -> None:
    if path.is_dir():
        raise ConfigError("--out is a folder", where=(path,), hint=f"name a file, as in --out {path / _FILE}.html")
    if not path.parent.is_dir():
        raise ConfigError("the folder of --out does not exist", where=(path.parent,), hint=f"mkdir -p {path.parent}")
