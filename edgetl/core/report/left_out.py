"""Files that are not used → a table of reasons for the screen, and a CSV file with all of them.

The names of the files come from strangers. The console escapes control characters, and so does the CSV file. A
spreadsheet takes a cell that begins with =, +, - or @ for a formula, which can read other files: see `format_left_out`.
"""

import re
from collections import Counter
from collections.abc import Sequence

from edgetl.core.records import LeftOut
from edgetl.core.report.csv_cells import guard_path, guard_text, quote_cell
from edgetl.core.report.tables import Table

LEFT_OUT_FILE = "left-out.csv"

# Files listed for each reason, and rows of reasons. Thousands of them must not fill the screen.
_LISTED_FILES = 5
_LISTED_REASONS = 12
# Reasons in a sentence.
_NAMED_REASONS = 3
# Reasons that name another photo or a group → what they have in common, so that a thousand copies make one row. A
# photo's name may contain " in ": only the last one is followed by the part.
_GENERAL_REASONS = (
    (re.compile(r"same photo as .*", re.DOTALL), "same photo as another, counted once"),
    (re.compile(r"near duplicate of your own .*", re.DOTALL), "near duplicate of one of your own photos"),
    (re.compile(r"near duplicate of .* in (\w+)", re.DOTALL), r"near duplicate of a photo in \1"),
    (re.compile(r"of group .*, also in (\w+)", re.DOTALL), r"of a group that is also in \1"),
    (re.compile(r"\d+ megapixels: (.*)"), r"more megapixels: \1"),
)


def count_reasons(files: Sequence[LeftOut]) -> dict[str, int]:
    """Count the files that are left out for each reason, the most frequent reason first."""
    counts = Counter(_generalize_reason(file.reason) for file in files)
    return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))


def describe_left_out(files: Sequence[LeftOut]) -> str:
    """Describe how many files are left out, and for which reasons, in one sentence."""
    reasons = [f"{count} {reason}" for reason, count in count_reasons(files).items()]
    more = f"; {len(reasons) - _NAMED_REASONS} further reasons" if len(reasons) > _NAMED_REASONS else ""
    return f"{_count_files(files)} left out: {'; '.join(reasons[:_NAMED_REASONS])}{more}"


def tabulate_left_out(files: Sequence[LeftOut]) -> Table:
    """Tabulate the reasons why files are not used, with their number and the first five files of each reason.

    Args:
        files: at least one.
    """
    paths: dict[str, list[str]] = {}
    for file in files:
        paths.setdefault(_generalize_reason(file.reason), []).append(file.path)
    counts = count_reasons(files)
    rows = []
    for reason, count in list(counts.items())[:_LISTED_REASONS]:
        names = ", ".join(paths[reason][:_LISTED_FILES])
        rows.append([reason, f"{count}", f"{names}, …" if count > _LISTED_FILES else names])
    rest = list(counts.values())[_LISTED_REASONS:]
    if rest:
        rows.append([f"{len(rest)} further reasons", f"{sum(rest)}", ""])
    return (f"{_count_files(files)} left out", ["why", "files", "which"], rows)


def format_left_out(files: Sequence[LeftOut]) -> str:
    """Format a CSV file with the columns path and reason and a line for each file, in order.

    Control characters are escaped, so that every file has one line. A path that begins as a formula gets "./" before
    it: it is the same path, and text for every spreadsheet. All cells are in quotes: where a spreadsheet separates
    cells by semicolons, a name with one must not become a second cell.
    """
    lines = [("path", "reason"), *((guard_path(file.path), guard_text(file.reason)) for file in files)]
    return "".join(f"{quote_cell(path)},{quote_cell(reason)}\n" for path, reason in lines)


def _count_files(files: Sequence[LeftOut]) -> str:
    return "one file is" if len(files) == 1 else f"{len(files)} files are"


def _generalize_reason(reason: str) -> str:
    for pattern, general in _GENERAL_REASONS:
        if match := pattern.fullmatch(reason):
            return match.expand(general)
    return reason
