"""Output for the user: lines, steps, progress bars and tables, all on stderr.

stdout carries the result of a command and nothing else. Libraries write to both streams. While they run,
`redirect_output` sends both streams to the log of the run, and the console writes to the real stderr.
"""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO, cast

from rich.console import Console as RichConsole
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from edgetl.core.storage.regular_files import open_for_appending

# Shorter steps end without a line, so that a build with nothing to do does not print durations of 0.0 s.
_SHORTEST_SHOWN_S = 0.5
# Tables in files and pipes, which have no width, may take this many columns.
_FILE_WIDTH = 120


@dataclass(slots=True)
class ProgressBar:
    """A running progress bar, from `Console.bar`. `progress` is None where no bar is shown."""

    progress: Progress | None
    task: TaskID

    def advance(self, count: int = 1, note: str | None = None) -> None:
        """Move the bar by `count`, and replace the text beside it, as in "loss 0.31", if there is a note."""
        if self.progress is None:
            return
        self.progress.advance(self.task, count)
        if note is not None:
            self.progress.update(self.task, note=note)


class Console:
    """Prints for the user, by default to stderr. Without a terminal it prints plain lines and no bars.

    Args:
        quiet: print warnings and errors only.
        stream: where to print.
        label: beginning of every line of `say`.
    """

    def __init__(self, *, quiet: bool = False, stream: TextIO | None = None, label: str = "") -> None:
        self.quiet = quiet
        self._label = label
        self._rich = create_terminal(stream or sys.stderr)

    def labelled(self, label: str) -> "Console":
        """Return a console on the same stream whose lines begin with a label."""
        return Console(quiet=self.quiet, stream=cast(TextIO, self._rich.file), label=label)

    def say(self, text: str) -> None:
        """Print one line."""
        if not self.quiet:
            self._rich.print(Text(f"{self._label}{text}"))

    def warn(self, text: str) -> None:
        """Print a warning, even when quiet."""
        self._rich.print(Text("warning: ", style="yellow") + Text(text))

    def error(self, message: str, where: Sequence[str] = (), hint: str = "") -> None:
        """Print an error: its message, a line for each place, and a hint, even when quiet."""
        self._rich.print(Text("error: ", style="bold red") + Text(message))
        for item in where:
            self._rich.print(Text(f"  at {item}"))
        if hint:
            self._rich.print(Text("  hint: ", style="cyan") + Text(hint))

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table as `build_table` lays it out."""
        if not self.quiet:
            self._rich.print(build_table(title, columns, rows))

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Print a title at the beginning of the block and its duration at the end, with a spinner on a terminal."""
        start = time.monotonic()
        if self.quiet or not self._rich.is_terminal:
            self.say(f"• {title}")
            yield
            seconds = time.monotonic() - start
            if seconds > _SHORTEST_SHOWN_S:
                self.say(f"  done in {seconds:.1f} s")
            return
        with self._rich.status(Text(title), spinner="dots"):
            yield
        self.say(f"✓ {title}  {time.monotonic() - start:.1f} s")

    @contextmanager
    def bar(self, title: str, total: int, unit: str) -> Iterator[ProgressBar]:
        """Yield a bar that counts to `total` and disappears at the end of the block.

        It is shown on terminals, and in notebooks with ipywidgets.
        """
        if self.quiet or not (self._rich.is_terminal or _shows_widgets(self._rich)):
            yield ProgressBar(None, TaskID(0))
            return
        columns = (
            TextColumn("  {task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn(unit),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=self._rich, transient=True) as progress:
            yield ProgressBar(progress, progress.add_task(title, total=total, note=""))


def _shows_widgets(console: RichConsole) -> bool:
    # Without ipywidgets rich would print a new line for every change of a bar.
    return console.is_jupyter and find_spec("ipywidgets") is not None


def create_terminal(stream: TextIO) -> RichConsole:
    """Create a rich console on a stream. It does not wrap lines, and uses the width of the terminal if there is one."""
    return RichConsole(file=stream, highlight=False, soft_wrap=True, width=None if stream.isatty() else _FILE_WIDTH)


def build_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Build a rich table. Columns that contain numbers only are aligned to the right."""
    heading = Text(title, style="bold") if title else None
    table = Table(title=heading, title_justify="left", header_style="bold", box=None)
    for index, column in enumerate(columns):
        numeric = bool(rows) and all(_is_number(row[index]) for row in rows)
        # "fold" breaks long cells over several lines. Rich's default cuts them off.
        table.add_column(Text(column), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        # Text shows square brackets as they are. A plain string would be parsed for rich's markup.
        table.add_row(*(Text(cell) for cell in row))
    return table


@contextmanager
def redirect_output(path: Path) -> Iterator[TextIO]:
    """Append everything that this process and its children write to stdout and stderr to a file.

    File descriptors 1 and 2 are replaced, because TensorFlow's C++ code writes to them and not to `sys.stderr`.

    Args:
        path: the log file.

    Yields:
        The real stderr, for the console.

    Raises:
        ConfigError: the file is a link or no regular file.
        OSError: the file cannot be written.
    """
    # Buffered text belongs to the streams before the redirection.
    sys.stdout.flush()
    sys.stderr.flush()
    with (
        open_for_appending(path) as log,
        os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace", buffering=1) as real_stderr,
    ):
        saved = os.dup(1), os.dup(2)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        try:
            yield real_stderr
        finally:
            try:
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                # Restored even if the flush fails on a full disk. Without stderr, no error message would be visible.
                for handle, number in zip(saved, (1, 2), strict=True):
                    os.dup2(handle, number)
                    os.close(handle)


def _is_number(cell: str) -> bool:
    """Check whether a cell begins as a number does: with a digit, or with a sign and a digit."""
    return cell[:1].isdigit() or (cell[:1] in "+-" and cell[1:2].isdigit())
