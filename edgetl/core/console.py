"""What a person sees while edgetl works: steps, progress bars and tables, all on stderr; plain when not a terminal.

stdout is the result and nothing else. Foreign libraries write to both as they please, so while they work both are
turned into the run's log and the console keeps the real stderr for itself (`logged`).
"""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, cast

from rich.console import Console as RichConsole
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

_WORTH_TELLING_S = 0.5


@dataclass(slots=True)
class ProgressBar:
    """A running progress bar; `note` stands beside it, as in "loss 0.31"."""

    progress: Progress | None
    task: TaskID

    def advance(self, count: int = 1, note: str | None = None) -> None:
        """So many more are done."""
        if self.progress is None:
            return
        self.progress.advance(self.task, count)
        if note is not None:
            self.progress.update(self.task, note=note)


class Console:
    """Where people look. `quiet` keeps warnings and errors only."""

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
        """One line that a careful person reads; shown even when quiet."""
        self._rich.print(Text("warning: ", style="yellow") + Text(text))

    def error(self, message: str, where: Sequence[str] = (), hint: str = "") -> None:
        """What is wrong, where, and what to do."""
        self._rich.print(Text("error: ", style="bold red") + Text(message))
        for item in where:
            self._rich.print(Text(f"  at {item}"))
        if hint:
            self._rich.print(Text("  hint: ", style="cyan") + Text(hint))

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table; columns whose cells are all numbers are set to the right."""
        if not self.quiet:
            self._rich.print(build_table(title, columns, rows))

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Name a stage when it begins, and its seconds when it is done; in between something turns."""
        start = time.monotonic()
        if self.quiet or not self._rich.is_terminal:
            self.say(f"• {title}")
            yield
            seconds = time.monotonic() - start
            if seconds > _WORTH_TELLING_S:
                self.say(f"  done in {seconds:.1f} s")
            return
        with self._rich.status(Text(title), spinner="dots"):
            yield
        self.say(f"✓ {title}  {time.monotonic() - start:.1f} s")

    @contextmanager
    def bar(self, title: str, total: int, unit: str) -> Iterator[ProgressBar]:
        """A bar that counts to `total`, gone when it is full; nothing where nobody watches."""
        if self.quiet or not self._rich.is_terminal:
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


def create_terminal(stream: TextIO) -> RichConsole:
    """A console on a stream; where nobody gives a width (a file, a pipe) tables may take 120 columns."""
    return RichConsole(file=stream, highlight=False, soft_wrap=True, width=None if stream.isatty() else 120)


def build_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A rich table; columns whose cells are all numbers are set to the right."""
    heading = Text(title, style="bold") if title else None
    made = Table(title=heading, title_justify="left", header_style="bold", box=None)
    for index, column in enumerate(columns):
        numbers = bool(rows) and all(_is_number(row[index]) for row in rows)
        made.add_column(Text(column), justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    return made


@contextmanager
def redirect_output(path: Path) -> Iterator[TextIO]:
    """Send what anyone writes to stdout and stderr into the file at `path`; yield the real stderr to talk on.

    It works on the file descriptors, because TensorFlow's C++ writes there and not to sys.stderr.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    with (
        path.open("a", encoding="utf-8") as log,
        os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace", buffering=1) as real,
    ):
        kept = os.dup(1), os.dup(2)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        try:
            yield real
        finally:
            try:
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                # Even when the log's disk is full: or nobody would ever see the error that says so.
                for handle, number in zip(kept, (1, 2), strict=True):
                    os.dup2(handle, number)
                    os.close(handle)


def _is_number(cell: str) -> bool:
    return cell[:1].isdigit() or (cell[:1] in "+-" and cell[1:2].isdigit())
