"""Output for the user: lines, steps, progress bars and tables, all on stderr.

stdout carries the result of a command and nothing else. Libraries write to both streams. While they run,
`redirect_output` sends both streams to the log of the run, and the console writes to the real stderr, and a copy of
every line with the time to the log.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console as RichConsole
from rich.text import Text

from edgetl.core.interrupt import check_interrupt
from edgetl.core.screen.live_display import LiveDisplay
from edgetl.core.screen.output_log import append_to_log
from edgetl.core.screen.printable import escape_controls
from edgetl.core.screen.progress_line import Task
from edgetl.core.screen.step_plan import StepPlan
from edgetl.core.screen.streams import choose_stderr
from edgetl.core.screen.table_layout import lay_out_table, wrap_words

# Shorter steps end without a line, so that a build with nothing to do does not print durations of 0.0 s.
_SHORTEST_SHOWN_S = 0.5
_OUTCOME_STYLES = {"PASS": "bold green", "FAIL": "bold red", "UNDECIDED": "bold yellow", "INVALID": "bold red"}


@dataclass(frozen=True, slots=True)
class ProgressBar:
    """A running progress bar, from `Console.bar`. `display` is None where no bar is shown."""

    display: LiveDisplay | None
    task: Task

    def advance(self, count: int = 1, note: str | None = None) -> None:
        """Move the bar by `count`, and replace the text beside it, as in "loss 0.31", if there is a note.

        Raises:
            Interrupted: ^C or SIGTERM was received.
        """
        check_interrupt()
        if self.display is not None:
            self.display.advance(self.task, count, note)


class Console:
    """Prints for the user, by default to stderr. Without a terminal it prints plain lines and no bars.

    Control characters are escaped in all text, and outcomes such as PASS at the beginning of a line are coloured.

    Args:
        quiet: print warnings and errors only.
        stream: where to print.
        logged: whether lines are also appended to the log of `redirect_output`, those of a quiet console too.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        *,
        quiet: bool = False,
        stream: TextIO | None = None,
        logged: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.quiet = quiet
        self._label = ""
        self._logged = logged
        self._clock = clock
        self._rich = create_terminal(stream or choose_stderr())
        self._display = LiveDisplay(self._rich, clock)

    def labelled(self, label: str) -> "Console":
        """Return a console on the same terminal whose lines begin with a label."""
        # With the same console of rich: two of them would overwrite each other's lines.
        console = copy(self)
        console._label = label
        return console

    def say(self, text: str, *, wrap: bool = False) -> None:
        """Print one line. With `wrap`, a terminal gets several lines that break at spaces, which paths must not."""
        line = escape_controls(f"{self._label}{text}")
        if self.quiet:
            self._log(line)
            return
        lines = [line]
        if wrap and self._rich.is_terminal:
            body = line.lstrip(" ")
            indent = " " * (len(line) - len(body))
            first, *rest = wrap_words(body, self._rich.width - len(indent) - 2)
            lines = [indent + first, *(f"{indent}  {part}" for part in rest)]
        self._print(Text("\n").join([colour_outcome(part) for part in lines]), line)

    def warn(self, text: str) -> None:
        """Print a warning, even when quiet."""
        self._print(Text("warning: ", style="yellow") + Text(escape_controls(text)))

    def error(self, message: str, where: Sequence[str] = (), hint: str = "") -> None:
        """Print an error: its message, a line for each place, and a hint, even when quiet."""
        self._print(_format_error(message, where, hint))

    def log_error(self, message: str, where: Sequence[str] = (), hint: str = "") -> None:
        """Append an error to the log alone: the command prints it when the log is closed."""
        self._log(_format_error(message, where, hint).plain)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print an empty line and a table as `print_rows` does."""
        # A log has no width.
        whole = build_table(title, columns, rows, None)
        if self.quiet:
            self._log(whole.plain)
            return
        self._rich.print()
        self._print(build_table(title, columns, rows, get_table_width(self._rich)), whole.plain)

    @contextmanager
    def follow(self, plan: StepPlan) -> Iterator[None]:
        """Show the overall line of a plan during the block, on terminals."""
        if self.quiet:
            yield
            return
        with self._display.show_plan(plan):
            yield

    @contextmanager
    def step(self, title: str, expected_s: float = 0.0) -> Iterator[None]:
        """Print a title at the beginning of the block and its duration at the end, with a moving bar on a terminal.

        Args:
            title: what is done.
            expected_s: how long it took earlier; 0 if unknown.
        """
        start = self._clock()
        if self.quiet or not self._display.active:
            self.say(f"• {title}")
            yield
            seconds = self._clock() - start
            if seconds > _SHORTEST_SHOWN_S:
                self.say(f"  done in {seconds:.1f} s")
            return
        self._log(f"• {escape_controls(title)}")
        with self._display.show_task(Task(title, start, expected_s=expected_s)):
            yield
        self.say(f"✓ {title}  {self._clock() - start:.1f} s")

    @contextmanager
    def wait(self, title: str) -> Iterator[None]:
        """Show a moving bar during the block, on terminals. Nothing is printed at its end."""
        with self.bar(title, 0, ""):
            yield

    @contextmanager
    def bar(self, title: str, total: int, unit: str) -> Iterator[ProgressBar]:
        """Yield a bar that counts to `total` and disappears at the end of the block.

        It is shown on terminals, and in notebooks with ipywidgets.
        """
        task = Task(title, self._clock(), total, unit)
        if self.quiet or not self._display.active:
            yield ProgressBar(None, task)
            return
        with self._display.show_task(task):
            yield ProgressBar(self._display, task)

    def _print(self, text: Text, line: str = "") -> None:
        """Print text, and append it, or another line, to the log."""
        self._rich.print(text)
        self._log(line or text.plain)

    def _log(self, line: str) -> None:
        if not self._logged:
            return
        try:
            append_to_log(line)
        except OSError as error:
            # A message must reach the user on a full disk, too. It is shown once.
            self._logged = False
            self.warn(f"log.txt cannot be written: {error.strerror}")


def _format_error(message: str, where: Sequence[str], hint: str) -> Text:
    parts = [Text("error: ", style="bold red") + Text(escape_controls(message))]
    parts += [Text(escape_controls(f"  at {item}")) for item in where]
    if hint:
        parts.append(Text("  hint: ", style="cyan") + Text(escape_controls(hint)))
    return Text("\n").join(parts)


def create_terminal(stream: TextIO) -> RichConsole:
    """Create a rich console on a stream. It does not wrap lines."""
    return RichConsole(file=stream, highlight=False, soft_wrap=True)


def get_table_width(terminal: RichConsole) -> int | None:
    """Return the number of cells that a table may take; None for a file or a pipe."""
    return terminal.width if terminal.is_terminal or terminal.is_jupyter else None


def print_rows(terminal: RichConsole, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table that fits the terminal: see `core.screen.table_layout`."""
    terminal.print(build_table(title, columns, rows, get_table_width(terminal)))


def build_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> Text:
    """Build the text of a table: its title, its heading and its rows.

    Args:
        title: line above the table; "" for none. It is wrapped at spaces.
        columns: headings.
        rows: a cell for each column.
        width: cells of the terminal; None for no limit.
    """
    header, lines = lay_out_table(columns, rows, width)
    heading = escape_controls(title)
    wrapped = wrap_words(heading, width) if width is not None else [heading]
    parts = [Text(line, style="bold") for line in wrapped if line]
    return Text("\n").join([*parts, Text(header, style="bold"), *map(colour_outcome, lines)])


def colour_outcome(line: str) -> Text:
    """Colour an outcome, as PASS, at the beginning or the end of a line."""
    text = Text(line)
    words = line.split(" ")
    for word, start in ((words[0], 0), (words[-1], len(line) - len(words[-1]))):
        outcome = word.rstrip(":")
        if outcome in _OUTCOME_STYLES:
            text.stylize(_OUTCOME_STYLES[outcome], start, start + len(outcome))
    return text
