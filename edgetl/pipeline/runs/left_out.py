"""The files that a build does not use → a table of reasons, and left-out.csv in the run folder with all of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from edgetl.core.console import Console
from edgetl.core.errors import DataError
from edgetl.core.records import LeftOut
from edgetl.core.report.left_out import LEFT_OUT_FILE, format_left_out, tabulate_left_out
from edgetl.core.storage.files import write_text
from edgetl.core.storage.regular_files import remove_entry


def keep_left_out(files: Sequence[LeftOut], folder: Path, console: Console) -> None:
    """Show why files are left out, and write the list of them. Without any, the list of an earlier build is removed.

    Args:
        files: the files.
        folder: the run folder.
        console: shows the table.
    """
    path = folder / LEFT_OUT_FILE
    if not files:
        remove_entry(path)
        return
    write_text(path, format_left_out(files))
    console.table(*tabulate_left_out(files))
    console.say(f"all of them, with the reasons: {path}")


@contextmanager
def explain_refusal(folder: Path, console: Console) -> Iterator[None]:
    """Write the list of the files that cannot be used where the block ends with an error about them.

    Args:
        folder: the run folder.
        console: shows the table.

    Raises:
        DataError: that of the block. Its hint names the list.
    """
    try:
        yield
    except DataError as error:
        if error.left_out:
            files = [LeftOut(path=path, reason=reason) for path, reason in error.left_out]
            keep_left_out(files, folder, console)
            count = "one file" if len(files) == 1 else f"{len(files)} files"
            error.hint = f"{error.hint}; {count} with the reasons: {folder / LEFT_OUT_FILE}".removeprefix("; ")
        raise
